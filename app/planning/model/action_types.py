"""The types of actions in a model's plan, made at run time from the actions that the model may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, Discriminator, Field, Tag, create_model

from app.domain.actions import Action
from app.llm.sentences import HIDDEN
from app.planning.model.numbering import Number

# Type checkers read the values of a Literal; here, the values are known only at run time.
LITERAL: Any = Literal
# Types that are made at run time, as `create_model` takes them: no type checker knows them.
Definitions = dict[str, Any]
_NUMBER: Any = Number
# Like every other task that a task refers to, it has a number here.
_OTHER_THAN = "Number of another decision. This one must be answered by a different person than that one."


def one_of(kinds: Mapping[str, Any]) -> Any:
    """One of several action types, by tag. Only the problems with the type that a value is meant to be are reported."""
    tagged: list[Any] = [Annotated[kind, Tag(tag)] for tag, kind in kinds.items()]
    if len(tagged) == 1:
        return tagged[0]

    def tag_of(value: Any) -> str | None:
        if not isinstance(value, dict | BaseModel):
            return None
        fields = cast("dict[str, Any]", value if isinstance(value, dict) else dict(value))
        name = f"{HIDDEN}{fields.get('type')}"
        possible = [tag for tag in kinds if tag == name or tag.startswith(f"{name}.")]
        chosen = [tag for tag in possible if fields.get(tag.partition(".")[2]) is not None]
        return next(iter([*chosen, *possible, name]))

    return Annotated[_union(tagged), Discriminator(tag_of)]


def action_types(name: str, action: type[Action], base: Any, *, whole: bool) -> Iterator[tuple[str, Any]]:
    """A type for an action, with its tag. If exactly one of several fields is needed: one type for each of these fields."""
    fields = {
        field: info for field, info in action.fields_model.model_fields.items() if whole or field not in action.rare
    }
    one_of = [field for field in action.one_of if field in fields]
    for chosen in one_of or [None]:
        kind: Definitions = {"type": (LITERAL[name], Field(description=_first_sentence(action)))}
        for field, info in fields.items():
            if field == chosen:
                kind[field] = (_without_none(info.annotation), Field(min_length=1, description=info.description))
            elif field == "other_than":
                kind[field] = (_NUMBER | None, Field(default=None, description=_OTHER_THAN))
            elif field not in one_of:
                kind[field] = (info.annotation, info)
        type_name = f"{name.title().replace('_', '')}{(chosen or '').title()}Action"
        tag = f"{HIDDEN}{name}.{chosen}" if chosen else f"{HIDDEN}{name}"
        yield tag, create_model(type_name, __base__=base, **kind)


def _union(kinds: Sequence[Any]) -> Any:
    made: Any = kinds[0]
    for kind in kinds[1:]:
        made |= kind
    return made


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return _union(kinds) if kinds and type(None) in get_args(annotation) else annotation


def _first_sentence(action: type[Action]) -> str:
    return " ".join((action.__doc__ or "").split()).partition(". ")[0].rstrip(".") + "."
