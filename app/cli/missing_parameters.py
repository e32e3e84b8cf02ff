"""Asks at the terminal for the parameters of a plan that have neither a value nor a default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.asking import can_ask, choose
from app.cli.display import visible
from signoff.vocabulary import ParameterType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from signoff import AsyncSignoff

_TRUTH = ("true", "false")


async def ask_for_missing(
    api: AsyncSignoff, console: Console, description: str, given: Mapping[str, str | float | bool]
) -> dict[str, str | float | bool]:
    """`given`, and what a person answers for each parameter of the description that is missing.

    Without a terminal, nobody is asked: the server then names all that is missing.

    Raises:
        EOFError: the person has ended the input.
    """
    values: dict[str, str | float | bool] = {**given}
    if not can_ask():
        return values
    preview = await api.preview_outline(description)
    for parameter in preview.parameters:
        if parameter.name in values or parameter.default is not None or parameter.value is not None:
            continue
        question = visible(f"{parameter.name}: {parameter.description}" if parameter.description else parameter.name)
        options = _TRUTH if parameter.type == ParameterType.BOOLEAN else tuple(parameter.choices)
        values[parameter.name] = await choose(console, f"{question}:" if not options else question, options)
    return values
