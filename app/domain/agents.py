"""Agents, experts and prices: the entries of `signoff.toml` that projects refer to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

T = TypeVar("T")
Names = tuple[str, ...]
MODEL_PATTERN = r"^[a-z][a-z0-9_-]*:\S+$"
ModelName = Annotated[str, StringConstraints(pattern=MODEL_PATTERN, max_length=200)]
EntryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


# Lower case, because it is compared with the host of a URL.
Host = Annotated[str, StringConstraints(min_length=1, max_length=253, to_lower=True, strip_whitespace=True)]
Hosts = tuple[Host, ...]


class AgentKind(StrEnum):
    """The kind of an agent: a worker's queue, or a model on a worker's queue."""

    LOCAL = "local"
    MODEL = "model"


class AgentTool(StrEnum):
    """What a model may do while it works on a task."""

    READ_FILE = "read_file"
    WRITE_FILE = "write_file"
    LIST_FILES = "list_files"
    SEARCH_FILES = "search_files"
    HTTP_GET = "http_get"
    RUN_COMMAND = "run_command"
    ASK_PERSON = "ask_person"


FILE_TOOLS = (AgentTool.READ_FILE, AgentTool.WRITE_FILE, AgentTool.LIST_FILES, AgentTool.SEARCH_FILES)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AgentEntry(_Entry):
    """One `[agents.NAME]` entry of `signoff.toml`."""

    kind: AgentKind = Field(default=AgentKind.MODEL, description="`model`, or `local` for a queue without a model.")
    model: ModelName | None = Field(default=None, description="`provider:name`; default: SIGNOFF_MODEL.")
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="OpenAI-compatible endpoint; default: SIGNOFF_MODEL_BASE_URL.",
    )
    api_key_env: str | None = Field(
        default=None, min_length=1, description="Environment variable that holds the API key."
    )
    instructions: str = Field(
        default="", max_length=20_000, description="Instructions that it receives before every task."
    )
    tools: tuple[AgentTool, ...] = Field(
        default=(*FILE_TOOLS, AgentTool.ASK_PERSON), description="Tools that it may use; the documentation lists them."
    )
    commands: Names = Field(
        default=(), max_length=200, validate_default=True, description="Programs that `run_command` may start."
    )
    hosts: Hosts = Field(
        default=(),
        max_length=200,
        validate_default=True,
        description="Hosts that `http_get` may request; `*`: any host.",
    )
    queue: str | None = Field(
        default=None, min_length=1, max_length=200, description="Task queue; default: SIGNOFF_TASK_QUEUE."
    )

    # One validator per field, instead of one for the whole model: every mistake is reported with its field.
    @field_validator("model", "base_url", "instructions")
    @classmethod
    def _only_of_models(cls, value: T, info: ValidationInfo) -> T:
        if value and info.data.get("kind") == AgentKind.LOCAL:
            raise ValueError('a local agent cannot have this setting; remove it, or set kind = "model"')
        return value

    @field_validator("commands")
    @classmethod
    def _programs_named(cls, value: Names, info: ValidationInfo) -> Names:
        if AgentTool.RUN_COMMAND in info.data.get("tools", ()) and not value:
            raise ValueError("run_command needs `commands`: list the programs that it may start")
        return value

    @field_validator("hosts")
    @classmethod
    def _hosts_named(cls, value: Hosts, info: ValidationInfo) -> Hosts:
        if AgentTool.HTTP_GET in info.data.get("tools", ()) and not value:
            raise ValueError('http_get needs `hosts`: list the hosts that it may request, or ["*"] for any')
        return value

    def without_model(self) -> AgentEntry:
        """The same agent, as the local one that it is if no model is set."""
        return self.model_copy(update={"kind": AgentKind.LOCAL})


class Archetype(_Entry):
    """An expert who guides the planner: how they split work and check it. One `[archetypes.NAME]` of `signoff.toml`."""

    title: str = Field(min_length=1, max_length=100, description="Name for people, such as: Data analyst.")
    summary: str = Field(default="", max_length=300, description="What the expert is good for, in one sentence.")
    brief: str = Field(min_length=1, max_length=20_000, description="Instructions for the planner.")


class Price(_Entry):
    """Price of a model in US dollars per million tokens. One `[prices."provider:name"]` of `signoff.toml`."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


class ModelEntry(_Entry):
    """What is known about a model. One `[models."provider:name"]` of `signoff.toml`."""

    small: bool | None = Field(
        default=None,
        description="Whether it is too small for the whole plan language; default: by its name, which often says its size.",
    )
