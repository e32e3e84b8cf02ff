"""Reads what stands behind the language of a fence: Signoff's own options, Runme's, and those of tools that mean nothing here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import cast

from app.planning.outline.blocks import Fence
from app.planning.outline.findings import Findings

OPTIONS = ("cwd", "on_error")

_PAIR = re.compile(r"""([A-Za-z_][\w-]*)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s{},]+)""")
_WORD = re.compile(r"[^\s{},]+")
# Words in place of a language that say that there is none.
_NO_LANGUAGE = frozenset({"no-highlight", "nohighlight", "code", "code-block", "sourcecode"})
_CLASS = re.compile(r"\{\s*\.?([\w+-]+)")
# A directive of Sphinx: `{code-block} sh`.
_DIRECTIVE = re.compile(r"\{(?:code|code-block|sourcecode)\}\s*([\w+-]*)")


@dataclass(frozen=True)
class FenceOptions:
    """The language of a fence in lower case, its `name=value` pairs, and its single words."""

    language: str
    values: dict[str, str] = field(default_factory=dict[str, str])
    words: frozenset[str] = frozenset()

    @property
    def run(self) -> bool | None:
        """Whether the author says that the block runs (`run`) or does not (`run=no`). None: the language decides."""
        if "run" in self.values:
            return self.values["run"] not in {"no", "false"}
        return True if "run" in self.words else None

    def says(self, name: str, value: str) -> bool:
        """Whether an option has a value, in any case."""
        return self.values.get(name, "").lower() == value


def fence_options(fence: Fence) -> FenceOptions:
    """The language and the options of a fence: `sh cwd=x`, `sh {name=x}`, `{.bash title="x"}`, `{code-block} sh`."""
    return _options(fence.language, fence.info)


# A document has few different ones, and each of its blocks is asked several times.
@lru_cache(maxsize=64)
def _options(language: str, info: str) -> FenceOptions:
    if language.startswith("{"):
        match = _DIRECTIVE.match(f"{language} {info}") or _CLASS.match(f"{language} {info}")
        language, info = (match[1].lower() if match else ""), f"{language} {info}"
    language = re.split(r"[,:;]", language)[0]
    language = "" if language in _NO_LANGUAGE else language
    if info.startswith('{"'):
        try:
            found = json.loads(info)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            members = cast("dict[str, object]", found)
            return FenceOptions(
                language,
                {
                    name: str(value).lower() if isinstance(value, bool) else str(value)
                    for name, value in members.items()
                },
            )
    values = {match[1]: _unquoted(match[2]) for match in _PAIR.finditer(info)}
    words = frozenset(_WORD.findall(_PAIR.sub(" ", info)))
    return FenceOptions(language, values, words)


def check_options(fence: Fence, options: FenceOptions, findings: Findings) -> None:
    """Refuse options that would change what the block does: misspelled ones, and Runme's `background=true`."""
    for name, value in options.values.items():
        near = get_close_matches(name, OPTIONS, n=1, cutoff=0.6) if name not in OPTIONS else []
        column = findings.column_of(fence.line, name)
        if near:
            findings.problem(
                fence.line, column, f"Unknown option '{name}' of a {options.language} block. Did you mean '{near[0]}'?"
            )
        elif name in OPTIONS and not value:
            findings.problem(fence.line, column, f"'{name}' needs a value: {name}=…")
        elif name == "on_error" and value not in {"continue", "stop"}:
            findings.problem(fence.line, column, "'on_error' must be stop or continue.")
        elif name == "background" and value.lower() == "true":
            message = (
                "A step cannot stay in the background: what it starts ends with it. Remove background=true, or start a "
                "service."
            )
            findings.problem(fence.line, column, message)


def _unquoted(text: str) -> str:
    if text[0] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text[1:-1] if text[0] == "'" else text
