"""Who carries tasks out, and whose judgement a plan is made with: the entries of `signoff.toml` that projects name."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

T = TypeVar("T")
Names = tuple[str, ...]
MODEL_PATTERN = r"^[a-z][a-z0-9_-]*:\S+$"
ModelName = Annotated[str, StringConstraints(pattern=MODEL_PATTERN, max_length=200)]
EntryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


# Compared with the hosts of addresses, which have no capital letters.
Host = Annotated[str, StringConstraints(min_length=1, max_length=253, to_lower=True, strip_whitespace=True)]
Hosts = tuple[Host, ...]


class AgentKind(StrEnum):
    """What an agent is: a worker of a queue, or a model on one."""

    LOCAL = "local"
    MODEL = "model"


class AgentTool(StrEnum):
    """What a model may do in the course of a task."""

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
    """One `[agents.NAME]` of `signoff.toml`."""

    kind: AgentKind = Field(default=AgentKind.MODEL, description="`model`, or `local` for a worker's queue alone.")
    model: ModelName | None = Field(default=None, description="`provider:name`; default: SIGNOFF_MODEL.")
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="OpenAI-compatible endpoint; default: SIGNOFF_MODEL_BASE_URL.",
    )
    api_key_env: str | None = Field(default=None, min_length=1, description="Environment variable that holds its key.")
    instructions: str = Field(default="", max_length=20_000, description="What it is told before every task.")
    tools: tuple[AgentTool, ...] = Field(
        default=(*FILE_TOOLS, AgentTool.ASK_PERSON), description="What it may do; each is listed in the documentation."
    )
    commands: Names = Field(
        default=(), max_length=200, validate_default=True, description="Programs that `run_command` may start."
    )
    hosts: Hosts = Field(
        default=(), max_length=200, validate_default=True, description="Hosts that `http_get` may ask; `*`: any."
    )
    queue: str | None = Field(
        default=None, min_length=1, max_length=200, description="Task queue; default: SIGNOFF_TASK_QUEUE."
    )

    # One validator for each field, and not one for the whole: each mistake is reported, with the field that it is in.
    @field_validator("model", "base_url", "instructions")
    @classmethod
    def _only_of_models(cls, value: T, info: ValidationInfo) -> T:
        if value and info.data.get("kind") == AgentKind.LOCAL:
            raise ValueError('a local agent has none; take it out, or make its kind "model"')
        return value

    @field_validator("commands")
    @classmethod
    def _programs_named(cls, value: Names, info: ValidationInfo) -> Names:
        if AgentTool.RUN_COMMAND in info.data.get("tools", ()) and not value:
            raise ValueError("run_command needs `commands`: the programs that it may start")
        return value

    @field_validator("hosts")
    @classmethod
    def _hosts_named(cls, value: Hosts, info: ValidationInfo) -> Hosts:
        if AgentTool.HTTP_GET in info.data.get("tools", ()) and not value:
            raise ValueError('http_get needs `hosts`: the hosts that it may ask, or ["*"]')
        return value


class Archetype(_Entry):
    """An expert: how they split work, check it, and what they never forget. One `[archetypes.NAME]` of `signoff.toml`."""

    title: str = Field(min_length=1, max_length=100, description="As people say it: Data analyst.")
    summary: str = Field(default="", max_length=300, description="What they are asked for, in one sentence.")
    brief: str = Field(min_length=1, max_length=20_000, description="What the planner is told.")


class Price(_Entry):
    """What a model costs, in US dollars for a million tokens. One `[prices."provider:name"]` of `signoff.toml`."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
