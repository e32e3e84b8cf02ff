"""A Temporal server without our search attributes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client

from app.temporal.search_attributes import SearchAttributesMissing, ensure_search_attributes, missing_search_attributes
from tests.temporal_server import started_server
from workflows.attribute_names import SEARCH_ATTRIBUTES


@pytest.fixture
async def bare() -> AsyncIterator[Client]:
    async with await started_server([]) as environment:
        yield environment.client


async def test_missing_attributes_are_registered_once(bare: Client) -> None:
    assert await missing_search_attributes(bare) == list(SEARCH_ATTRIBUTES)
    await ensure_search_attributes(bare)
    assert await missing_search_attributes(bare) == []
    await ensure_search_attributes(bare)


async def test_a_refusal_lists_the_commands_that_help(bare: Client) -> None:
    # SQL visibility allows ten keyword attributes.
    others = {f"Other{number}": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for number in range(8)}
    await bare.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace="default", search_attributes=others)
    )
    with pytest.raises(SearchAttributesMissing) as caught:
        await ensure_search_attributes(bare)
    address = bare.service_client.config.target_host
    for name in SEARCH_ATTRIBUTES:
        command = (
            f"operator search-attribute create --address {address} --namespace default --name {name} --type Keyword"
        )
        assert f"temporal {command}" in str(caught.value)
