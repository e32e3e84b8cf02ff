"""What an approval freezes in addition to the plan: the files that the plan names, and the environment of its tasks.

The document is made when a plan is approved, and is sealed with that decision. If a task finds a difference when it starts, it
waits and a person is asked.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from app.domain.plan import canonical_json
from signoff.schemas.json_value import JsonObject

MAX_DIFFERENCE_LENGTH = 20_000
_MAX_LINES = 2_000


class _Strict(BaseModel):
    """Base class of sealed models: unknown fields are refused, so that the seal covers everything."""

    model_config = ConfigDict(extra="forbid")


class FrozenFile(_Strict):
    """A file in the workspace, as it was at the time `at`."""

    sha256: str
    size: int
    at: str


class FrozenAction(_Strict):
    """An action: the package that it comes from, and the default values of its fields.

    `version` is compared for plug-ins only. It is empty for Signoff's own actions, because their defaults say what matters.
    """

    package: str
    version: str = ""
    defaults: JsonObject = Field(default_factory=dict)


class StoredFrozen(TypedDict, total=False):
    """What is read of a frozen document without validating all of it."""

    stops: dict[str, list[str]] | None
    deciders: dict[str, str] | None
    products: bool | None
    agents: dict[str, JsonObject]


class Frozen(_Strict):
    """Everything that an approval freezes.

    Attributes:
        at: when it was captured.
        files: files in the workspace that the plan's commands name, by path.
        unhashed: named files that were not read, by path, with the reason.
        outside: named programs, scripts and input files outside the workspace; their contents are not covered.
        unknown: programs and scripts whose names are known only at run time, as written, by the task's key.
        unread: keys of tasks whose command could not be parsed completely.
        programs: the path that PATH gives for each named program that was found; None if nobody has looked yet.
        agents: the entries of the agents that execute tasks, each with its model.
        actions: the actions of the tasks.
        retries: the default number of retries, by the key of each task that does not set it.
        limits: the numbers that the project's strategy stands for.
        task_limits: the default resource limits for commands, by the names of `TaskLimits`;
            None if no task has commands, and in approvals from before these limits were frozen.
        http_allow: private hosts that tasks may send requests to; None if no task sends requests.
        app_url: the URL of Signoff, if a task reads it.
        sandbox: what tasks can reach, as found by the worker.
        stops: for each decision, by key, the answers that end the run; None in approvals from before answers ended runs.
        deciders: for each decision, by key, who answers it first: `person` or `model`; None in approvals from before plans
            said so.
        products: whether a task fails if it does not make a file that the plan expects from it;
            None in approvals from before tasks failed for this.
        shown: for each task that shows files to a person, by key, their paths; None if there is no such task.
    """

    at: str
    files: dict[str, FrozenFile] = Field(default_factory=dict[str, FrozenFile])
    unhashed: dict[str, str] = Field(default_factory=dict[str, str])
    outside: list[str] = Field(default_factory=list[str])
    unknown: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    unread: list[str] = Field(default_factory=list[str])
    programs: dict[str, str] | None = None
    agents: dict[str, JsonObject] = Field(default_factory=dict[str, JsonObject])
    actions: dict[str, FrozenAction] = Field(default_factory=dict[str, FrozenAction])
    retries: dict[str, int] = Field(default_factory=dict[str, int])
    limits: JsonObject = Field(default_factory=dict)
    task_limits: dict[str, int] | None = None
    http_allow: list[str] | None = None
    app_url: str | None = None
    sandbox: JsonObject = Field(default_factory=dict)
    stops: dict[str, list[str]] | None = None
    deciders: dict[str, str] | None = None
    products: bool | None = None
    shown: dict[str, list[str]] | None = None

    def digest(self) -> str:
        """SHA-256 over the whole document, in hexadecimal."""
        return self._digest(self.model_dump(mode="json"))

    def seen_digest(self) -> str:
        """SHA-256 over what a reader can see before the approval: without times and without facts that only a worker knows."""
        values = self.model_dump(
            mode="json", exclude={"at", "programs", "sandbox", "stops", "deciders", "products", "shown"}
        )
        for file in values["files"].values():
            del file["at"]
        return self._digest(values)

    @staticmethod
    def _digest(values: JsonObject) -> str:
        for name in ("task_limits", "stops", "deciders", "products", "shown"):
            # Approvals from before this was frozen keep their digest.
            if values.get(name) is None:
                values.pop(name, None)
        return hashlib.sha256(canonical_json(values)).hexdigest()

    def extended(self, earlier: Frozen) -> Frozen:
        """For an edit during a run: keep everything that `earlier` has, and add only what is new."""
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
        for name in ("stops", "deciders"):
            values[name] = None if getattr(earlier, name) is None else getattr(self, name)
        values["products"], values["shown"] = earlier.products, self.shown
        return Frozen(**values)


@dataclass(frozen=True)
class Captured:
    """A frozen document, the texts of small files (to show later changes), and the digest of the plan that it belongs to."""

    frozen: Frozen
    texts: dict[str, str] = field(default_factory=dict[str, str])
    plan_digest: str | None = None


class ChangedItem(TypedDict):
    """A difference, as decisions and events store it: the fields of `Difference`."""

    what: str
    name: str
    signed: str | None
    now: str | None
    text: str | None
    why: str


class ChangeDetails(TypedDict):
    """What a question about changes shows."""

    differences: list[ChangedItem]


class Difference(NamedTuple):
    """Something that differs from what was signed.

    `signed` and `now` are for a person to compare: checksums, paths, or entries as JSON; None if there is none. `text` is the
    line-by-line difference, if there is one. `why` says who may have changed it, if that is known.
    """

    what: str
    name: str
    signed: str | None
    now: str | None
    text: str = ""
    why: str = ""

    def stored(self) -> ChangedItem:
        """The difference as decisions and events store it."""
        return {
            "what": self.what,
            "name": self.name,
            "signed": self.signed,
            "now": self.now,
            "text": self.text,
            "why": self.why,
        }

    @property
    def item(self) -> tuple[str, str, str | None]:
        """The exact state that an answer accepts: this thing, as it is now."""
        return self.what, self.name, self.now


def without_texts(changed: Iterable[ChangedItem]) -> list[ChangedItem]:
    """The differences without their texts, which may be long."""
    return [{**item, "text": None} for item in changed]


def reference_of(differences: Iterable[Difference]) -> str:
    """The reference of the question about these differences. Any other state has a different reference."""
    items = [list(difference)[:4] for difference in differences]
    return f"changed:{hashlib.sha256(canonical_json(items)).hexdigest()}"


def compare_texts(before: str, after: str) -> str:
    """A unified diff, truncated if it is long."""
    old, new = before.splitlines(keepends=True)[:_MAX_LINES], after.splitlines(keepends=True)[:_MAX_LINES]
    lines = (line if line.endswith("\n") else f"{line}\n" for line in difflib.unified_diff(old, new, "signed", "now"))
    text = "".join(lines)
    return text if len(text) <= MAX_DIFFERENCE_LENGTH else f"{text[:MAX_DIFFERENCE_LENGTH]}\n…\n"


def as_text(value: object) -> str:
    """A compared value, formatted for people."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)


def question_about(title: str, differences: list[Difference]) -> str:
    """The question to ask about these differences."""
    sentences = " ".join(_sentence(item) for item in differences[:10])
    more = f" And {len(differences) - 10} more." if len(differences) > 10 else ""
    return f"Task '{title}' no longer matches what was signed. {sentences}{more} Run it as it is now, or fail the task?"


def _sentence(item: Difference) -> str:
    if item.what == "file" and item.signed is None:
        return f"{item.name} (sha256 {(item.now or '')[:12]}…) is new since the plan was signed. {item.why}".strip()
    if item.what == "file":
        now = f"sha256 {item.now[:12]}… now" if item.now is not None else "now missing"
        why = f" {item.why}" if item.why else ""
        return f"{item.name} has changed (sha256 {(item.signed or '')[:12]}… when signed, {now}).{why}"
    if item.what == "program":
        return f"The program {item.name} was {item.signed} when signed, and is now {item.now or 'not in PATH'}."
    return f"The {item.what} {item.name} has changed."
