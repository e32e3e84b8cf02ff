"""What a plan does not say itself and its approval freezes: files that it names, and what surrounds it.

The document is made when a plan is approved, and sealed with that decision. A task that finds something else when it starts
does not start: a person is asked.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from app.domain.plan import canonical_json

MAX_DIFFERENCE_LENGTH = 20_000
_MAX_LINES = 2_000


class _Strict(BaseModel):
    """What is sealed holds nothing that the seal does not cover."""

    model_config = ConfigDict(extra="forbid")


class FrozenFile(_Strict):
    """A file of the workspace, as it was at `at`."""

    sha256: str
    size: int
    at: str


class FrozenAction(_Strict):
    """An action: the package that it comes from, and the values of fields that a task leaves out.

    `version` is compared for plug-ins alone: it is empty for Signoff's own actions, whose defaults say what matters.
    """

    package: str
    version: str = ""
    defaults: dict[str, Any] = Field(default_factory=dict)


class Frozen(_Strict):
    """What an approval freezes.

    Attributes:
        at: when it was captured.
        files: files of the workspace that the plan's commands name, by path.
        unhashed: files that it names and that were not read, by path, with the reason.
        outside: programs, scripts and input files outside of the workspace that it names; what they hold is not covered.
        unknown: what is run and only the run can name, by the task's key, as written.
        unread: keys of tasks whose command could not be read to its end.
        programs: where PATH leads, for each program that is named and was found; None where nobody has looked yet.
        agents: the entries of the agents that tasks go to, with the model that each asks.
        actions: the actions that tasks have.
        retries: by the task's key, how often a task is tried again that does not say so itself.
        limits: what the project's strategy means in numbers.
        task_limits: what the commands of a task may use where the task does not say so itself, by the names of `TaskLimits`;
            None where no task has commands, and in approvals from before this was frozen.
        http_allow: private hosts that may be asked; None where no task sends requests.
        app_url: the address of Signoff, where a task reads it.
        sandbox: how far tasks reach, as the worker finds it.
    """

    at: str
    files: dict[str, FrozenFile] = Field(default_factory=dict[str, FrozenFile])
    unhashed: dict[str, str] = Field(default_factory=dict[str, str])
    outside: list[str] = Field(default_factory=list[str])
    unknown: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    unread: list[str] = Field(default_factory=list[str])
    programs: dict[str, str] | None = None
    agents: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]])
    actions: dict[str, FrozenAction] = Field(default_factory=dict[str, FrozenAction])
    retries: dict[str, int] = Field(default_factory=dict[str, int])
    limits: dict[str, Any] = Field(default_factory=dict)
    task_limits: dict[str, int] | None = None
    http_allow: list[str] | None = None
    app_url: str | None = None
    sandbox: dict[str, Any] = Field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256, in hexadecimal, over all of it."""
        return self._digest(self.model_dump(mode="json"))

    def seen_digest(self) -> str:
        """The same over what a reader can see before the approval: without times, and without what only a worker knows."""
        values = self.model_dump(mode="json", exclude={"at", "programs", "sandbox"})
        for file in values["files"].values():
            del file["at"]
        return self._digest(values)

    @staticmethod
    def _digest(values: dict[str, Any]) -> str:
        if values["task_limits"] is None:
            # Approvals from before these were frozen keep their digest.
            del values["task_limits"]
        return hashlib.sha256(canonical_json(values)).hexdigest()

    def extended(self, earlier: Frozen) -> Frozen:
        """For an edit in the middle of a run: what `earlier` has stays as it was, and only what is new comes in."""
        values = {name: getattr(earlier, name) for name in ("at", "limits", "sandbox")}
        for name in ("files", "agents", "actions", "retries", "unknown"):
            values[name] = {**getattr(self, name), **getattr(earlier, name)}
        unhashed = {**self.unhashed, **earlier.unhashed}
        values["unhashed"] = {path: why for path, why in unhashed.items() if path not in values["files"]}
        values["programs"] = {**(self.programs or {}), **(earlier.programs or {})}
        for name in ("outside", "unread"):
            values[name] = list(dict.fromkeys([*getattr(earlier, name), *getattr(self, name)]))
        for name in ("http_allow", "app_url", "task_limits"):
            former = getattr(earlier, name)
            values[name] = former if former is not None else getattr(self, name)
        return Frozen(**values)


@dataclass(frozen=True)
class Captured:
    """A frozen document, the texts of small files, for showing what has changed, and the digest of the plan that it fits."""

    frozen: Frozen
    texts: dict[str, str] = field(default_factory=dict[str, str])
    plan_digest: str | None = None


class Difference(NamedTuple):
    """Something that is not as it was signed.

    `signed` and `now` are what a person compares: checksums, paths, entries as JSON; None where there is none. `text` is the
    difference line by line, where there is one; `why` says who may have changed it, where something is known of that.
    """

    what: str
    name: str
    signed: str | None
    now: str | None
    text: str = ""
    why: str = ""

    @property
    def item(self) -> tuple[str, str, str | None]:
        """What an answer accepts: this thing, as it is now."""
        return self.what, self.name, self.now


def reference_of(differences: Iterable[Difference]) -> str:
    """The name of the question that asks about these differences: another one for any other state."""
    items = [list(difference)[:4] for difference in differences]
    return f"changed:{hashlib.sha256(canonical_json(items)).hexdigest()}"


def compare_texts(before: str, after: str) -> str:
    """A unified difference, cut where it is long."""
    old, new = before.splitlines(keepends=True)[:_MAX_LINES], after.splitlines(keepends=True)[:_MAX_LINES]
    lines = (line if line.endswith("\n") else f"{line}\n" for line in difflib.unified_diff(old, new, "signed", "now"))
    text = "".join(lines)
    return text if len(text) <= MAX_DIFFERENCE_LENGTH else f"{text[:MAX_DIFFERENCE_LENGTH]}\n…\n"


def as_text(value: Any) -> str:
    """A value that is compared, for people."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)


def question_about(title: str, differences: list[Difference]) -> str:
    """What a person is asked."""
    shown = " ".join(_sentence(item) for item in differences[:10])
    more = f" And {len(differences) - 10} more." if len(differences) > 10 else ""
    return f"Task '{title}' would not run what was signed. {shown}{more} Run it as it is now, or fail?"


def _sentence(item: Difference) -> str:
    if item.what == "file":
        now = f"sha256 {item.now[:12]}… now" if item.now is not None else "it is gone"
        why = f" {item.why}" if item.why else ""
        return f"{item.name} has changed (sha256 {(item.signed or '')[:12]}… when it was signed, {now}).{why}"
    if item.what == "program":
        return f"The program {item.name} is {item.now or 'nowhere in PATH'} now, and was {item.signed}."
    return f"The {item.what} {item.name} is not what it was."
