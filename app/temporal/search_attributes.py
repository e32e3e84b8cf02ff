"""Makes sure that a Temporal namespace knows the search attributes of Signoff's runs."""

from __future__ import annotations

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workflows.attribute_names import SEARCH_ATTRIBUTES


class SearchAttributesMissing(RuntimeError):
    """The namespace lacks search attributes that Signoff may not add. The message contains the commands to add them."""


async def missing_search_attributes(client: Client) -> list[str]:
    """Return the names that the client's namespace does not know yet.

    Raises:
        RPCError: the server does not answer the question.
    """
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request)
    return [name for name in SEARCH_ATTRIBUTES if name not in answer.custom_attributes]


async def ensure_search_attributes(client: Client) -> None:
    """Register what is missing. The dev server needs it too: with an existing file it ignores `--search-attribute`.

    Raises:
        SearchAttributesMissing: the server refuses.
        RPCError: the server cannot be reached.
    """
    names = list(SEARCH_ATTRIBUTES)
    try:
        names = await missing_search_attributes(client)
        if not names:
            return
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        request = AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes=dict.fromkeys(names, keyword)
        )
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another worker has registered them meanwhile.
        if error.status == RPCStatusCode.ALREADY_EXISTS:
            return
        if error.status in {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED}:
            raise
        reason = f"Temporal refused to register the search attributes for Signoff's runs ({error.message})."
        commands = "\n".join(f"  {command}" for command in registration_commands(client, names))
        raise SearchAttributesMissing(f"{reason} Ask an administrator to run:\n{commands}") from error


def registration_commands(client: Client, names: list[str]) -> list[str]:
    """Return the command lines that register `names` in the client's namespace."""
    where = f"--address {client.service_client.config.target_host} --namespace {client.namespace}"
    return [f"temporal operator search-attribute create {where} --name {name} --type Keyword" for name in names]
