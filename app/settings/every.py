"""Every setting of Signoff in one typed class.

Command-line flags override the environment (`SIGNOFF_…`), the environment overrides `signoff.toml` in the current folder (or
the file that `SIGNOFF_CONFIG` names), and the file overrides the defaults below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from app.domain.agents import MODEL_PATTERN, AgentEntry, Archetype, EntryName, Host, ModelEntry, Price
from app.domain.limits import Size, TaskLimits
from app.domain.notifying import NotifyEntries
from app.domain.plan import DEFAULT_AGENT
from app.domain.policies import Policies
from app.domain.secret_scopes import SecretEntry, SecretScopes
from app.domain.sign_in import OidcEntry, ProxyEntry
from app.settings.addresses import Collector, Listener, Origins, PublicUrl
from app.settings.location import settings_file
from app.settings.of_clients import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    DESCRIPTIONS,
    MAX_PORT,
    ClientSettings,
    absolute,
    default_data_dir,
    url_of,
)
from app.settings.sources import Environment

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """All settings. A field's description is also the help text of its flag."""

    model_config = SettingsConfigDict(env_prefix="SIGNOFF_", extra="ignore", validate_default=True)

    data_dir: Path = Field(default_factory=default_data_dir, description=DESCRIPTIONS["data_dir"])
    host: str = Field(default=DEFAULT_HOST, description=DESCRIPTIONS["host"])
    port: int = Field(default=DEFAULT_PORT, ge=1, le=MAX_PORT, description=DESCRIPTIONS["port"])
    database_url: str = Field(
        default="",
        description="sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE; "
        "default: an SQLite file in the data folder.",
    )
    temporal_address: str = Field(
        default="", description="host:port of the Temporal server; default: the dev server on this machine."
    )
    temporal_port: int = Field(default=7233, ge=1, le=65535, description="Port of the dev server that `up` starts.")
    temporal_ui_port: int = Field(
        default=8233, ge=1, le=65535, description="Port on which the app shows Temporal's Web UI, read-only."
    )
    temporal_ui_upstream: str = Field(
        default="",
        pattern=r"^$|^https?://[^/\s]+/?$",
        description="Internal address of the Temporal Web UI that the app serves read-only; `up` sets it automatically.",
    )
    temporal_ui_url: str = Field(default="", description="Address of Temporal's Web UI, used in links to runs.")
    temporal_namespace: str = Field(default="default", min_length=1, description="Temporal namespace.")
    temporal_sync: str = Field(
        default="normal",
        pattern="^(normal|full)$",
        description="SQLite `synchronous` mode of the dev server; with `full`, a power cut does not lose the latest writes.",
    )
    task_queue: str = Field(
        default="signoff", min_length=1, description="Task queue of the workflows and the default agent."
    )
    signals_by_hand: bool = Field(
        default=False,
        description="Obey every signal that is sent directly through Temporal, not only cancel and pause.",
    )
    retention_days: int = Field(
        default=30,
        ge=1,
        validation_alias=AliasChoices("retention_days", "SIGNOFF_RETENTION"),
        description="Days for which the dev server keeps closed runs.",
    )
    workspace_roots: Annotated[list[Path], NoDecode] = Field(
        default_factory=list[Path],
        description="Folders that a project's `path` may lie in, separated by the system's path separator.",
    )
    task_path: Annotated[list[Path], NoDecode] = Field(
        default_factory=list[Path],
        description="Folders that tasks search first for programs, separated by the system's path separator.",
    )
    seal_key: SecretStr = Field(
        default=SecretStr(""),
        description="Ed25519 private key with which the app seals records, in PEM or base64; "
        "default: keys/seal.key in the data folder, created at the first start. The worker must not have it.",
    )
    heads_file: Path | None = Field(
        default=None,
        description="File to which the app appends every seal; default: record/heads.log in the data folder. "
        "Only the app may have write access.",
    )
    api_key: SecretStr = Field(default=SecretStr(""), description=DESCRIPTIONS["api_key"])
    oidc: OidcEntry | None = Field(default=None, description="The OpenID Connect provider: [oidc] in the file.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret that the OpenID Connect provider gave Signoff, if it gave one."
    )
    proxy: ProxyEntry | None = Field(
        default=None, description="The reverse proxy that signs people in: [proxy] in the file."
    )
    url: str = Field(default="", description=DESCRIPTIONS["url"])
    public_url: PublicUrl = Field(
        default="",
        description="Address at which people reach the app, also with a path if a proxy shows it there; used in all links.",
    )
    cors_origins: Annotated[Origins, NoDecode] = Field(
        default_factory=list[str],
        description="Other sites whose scripts may use the API with a key, such as https://tools.example.com, with commas.",
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list[str], description="Host names, besides loopback, that requests may be addressed to."
    )
    max_connections: int = Field(
        default=256,
        ge=8,
        le=10**6,
        description="Maximum number of open connections to the app per address, or per user of this machine.",
    )
    http_allow: Annotated[list[str], NoDecode] = Field(
        default_factory=list[str],
        description="Private hosts, host:port pairs or networks that http tasks may reach, separated by commas.",
    )
    kill_grace: float = Field(
        default=2.0, ge=0, le=300, description="Seconds between SIGTERM and SIGKILL for a task's processes."
    )
    sandbox: str = Field(
        default="landlock",
        pattern="^(landlock|none)$",
        description="Sandbox for the commands of tasks: landlock (where the kernel supports it) or none.",
    )
    sandbox_read: Annotated[list[Path], NoDecode] = Field(
        default_factory=list[Path],
        description="Additional folders that sandboxed commands may read, separated by the system's path separator.",
    )
    sandbox_network: str = Field(
        default="all",
        description="TCP ports that sandboxed commands may connect to: all, none, or a list separated by commas.",
    )
    task_memory: Size = Field(
        default=TaskLimits().memory,
        ge=0,
        description="Memory limit for all processes of a task together, such as 2g; 0: no limit.",
    )
    task_processes: int = Field(
        default=TaskLimits().processes, ge=0, description="Maximum number of processes per task; 0: no limit."
    )
    task_file_size: Size = Field(
        default=TaskLimits().file_size,
        ge=0,
        description="Maximum size of a file that a task writes, such as 2g; 0: no limit.",
    )
    task_open_files: int = Field(
        default=TaskLimits().open_files,
        ge=0,
        description="Maximum number of open files per process of a task; 0: the system's limit.",
    )
    task_cpu_seconds: int = Field(
        default=0, ge=0, description="CPU time limit in seconds for all processes of a task together; 0: no limit."
    )
    max_concurrent_tasks: int = Field(
        default=200, ge=1, le=2000, description="Maximum number of activities that one worker runs at once."
    )
    processes: int = Field(default=1, ge=1, le=64, description="Processes of a worker, each for one processor.")
    shutdown_grace: float = Field(
        default=5.0, ge=0, le=3600, description="Seconds that a stopping worker gives its running tasks to finish."
    )
    max_upload: int = Field(default=100 * 1024 * 1024, ge=1, description="Maximum size of an uploaded file in bytes.")
    model: str = Field(
        default="",
        pattern=rf"^$|{MODEL_PATTERN}",
        max_length=200,
        description="provider:name of the model for planning, and for agents that do not name a model; empty: no model.",
    )
    small_model: str = Field(
        default="",
        pattern=rf"^$|{MODEL_PATTERN}",
        max_length=200,
        description="provider:name of the model that projects with the economy strategy use instead.",
    )
    model_base_url: str = Field(
        default="", pattern=r"^$|^https?://\S+$", description="OpenAI-compatible endpoint that serves the models."
    )
    model_api_key: SecretStr = Field(
        default=SecretStr(""), description="API key for the models; default: the provider's own variable."
    )
    model_timeout: float = Field(
        default=120.0, gt=0, le=3600, description="Seconds of silence from a model after which its call fails."
    )
    model_max_output: int = Field(
        default=8192,
        ge=64,
        le=10**6,
        description="Token limit for one answer of a model; a smaller remaining budget lowers it.",
    )
    max_tokens: int | None = Field(
        default=None, ge=1, le=10**12, description="Token limit for projects that do not set their own."
    )
    max_cost_usd: float | None = Field(
        default=None,
        ge=0,
        le=10**9,
        description="Cost limit in US dollars for projects that do not set their own.",
    )
    planner_actions: Annotated[list[str], NoDecode] = Field(
        default=["shell", "http", "agent", "manual", "decision", "wait", "milestone"],
        description="Actions that a model may use in a plan, separated by commas.",
    )
    planner_hosts: Annotated[list[Host], NoDecode] = Field(
        default_factory=list[str],
        description="Hosts that http tasks in a model's plan may name, besides the hosts in the project's description.",
    )
    planner_files: str = Field(
        default="beginnings",
        pattern="^(beginnings|names)$",
        description="What a planning model sees of the files in the workspace: their beginnings, or only names and sizes.",
    )
    agents: dict[EntryName, AgentEntry] = Field(
        default_factory=dict[str, AgentEntry], description="Agents that tasks may name: [agents.NAME] in the file."
    )
    archetypes: dict[EntryName, Archetype] = Field(
        default_factory=dict[str, Archetype], description="Your own experts: [archetypes.NAME] in the file."
    )
    models: dict[str, ModelEntry] = Field(
        default_factory=dict[str, ModelEntry],
        description='Which models are small: [models."provider:name"] in the file.',
    )
    prices: dict[str, Price] = Field(
        default_factory=dict[str, Price], description='Your own model prices: [prices."provider:name"] in the file.'
    )
    secrets: dict[EntryName, SecretEntry] = Field(
        default_factory=dict[str, SecretEntry],
        description="Projects and agents that may use a secret: [secrets.NAME] in the file.",
    )
    secrets_scoped: bool = Field(default=False, description="Deny projects the secrets without a [secrets.NAME] entry.")
    signoff: Policies = Field(
        default=Policies(), description="Who must sign which documents: [[signoff.policy]] in the file."
    )
    notify: NotifyEntries = Field(default=[], description="Who is told about what: [[notify]] in the file.")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$", description="Minimum log level.")
    log_format: str = Field(default="logfmt", pattern="^(logfmt|json)$", description="Format of log messages.")
    traces: Collector = Field(default="", description="OTLP/HTTP collector, or none; default: its OTEL_… variable.")
    metrics: Listener = Field(default="", description="HOST:PORT of a worker's metrics for Prometheus; default: none.")

    @field_validator("workspace_roots", "task_path", "sandbox_read", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return [Path(part) for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("allowed_hosts", "cors_origins", "http_allow", "planner_actions", "planner_hosts", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("task_path")
    @classmethod
    def _from_anywhere(cls, value: list[Path]) -> list[Path]:
        folders = [folder.expanduser() for folder in value]
        if relative := next((folder for folder in folders if not folder.is_absolute()), None):
            raise ValueError(f"'{relative}' is a relative path; use absolute paths")
        return folders

    @field_validator("sandbox_network")
    @classmethod
    def _ports(cls, value: str) -> str:
        ports = [part.strip() for part in value.split(",")]
        if value in {"all", "none"} or all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
            return ",".join(ports)
        raise ValueError("use all, none, or TCP ports such as 443,5432; Landlock cannot distinguish hosts")

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return absolute(value)

    @property
    def private_places(self) -> list[Path]:
        """Signoff's own folders, to which no task can be granted access."""
        return [self.data_dir, self.workspaces_dir]

    @property
    def task_limits(self) -> TaskLimits:
        """Resource limits for the commands of a task."""
        return TaskLimits(**{name: getattr(self, f"task_{name}") for name in TaskLimits.model_fields})

    @property
    def effective_database_url(self) -> str:
        """`database_url`, or the SQLite file in the data folder."""
        return self.database_url or f"sqlite+aiosqlite:///{quote(str(self.own_database_file))}"

    @property
    def own_database_file(self) -> Path:
        """The SQLite file that Signoff uses without a `database_url`."""
        return self.data_dir / "signoff.db"

    @property
    def effective_temporal_address(self) -> str:
        """`temporal_address`, or the dev server on this machine."""
        return self.temporal_address or f"127.0.0.1:{self.temporal_port}"

    @property
    def effective_temporal_ui_url(self) -> str:
        """Address of Temporal's Web UI: `temporal_ui_url`, else the app's own proxy, else empty (answers then omit links)."""
        if self.temporal_ui_url:
            return self.temporal_ui_url.rstrip("/")
        return url_of(self.host, self.temporal_ui_port) if self.temporal_ui_upstream else ""

    @property
    def known_agents(self) -> dict[str, AgentEntry]:
        """Every agent that may be named, including the default one; agents without a model are local."""
        known = {DEFAULT_AGENT: AgentEntry(), **self.agents}
        return {name: agent if agent.model or self.model else agent.without_model() for name, agent in known.items()}

    @property
    def secret_scopes(self) -> SecretScopes:
        """The projects and agents that may use each secret."""
        return SecretScopes(self.secrets, self.secrets_scoped)

    @property
    def agent_queues(self) -> dict[str, str]:
        """The task queues of the agents that do not use `task_queue`, by agent."""
        queues = {agent_id: entry.queue or self.task_queue for agent_id, entry in self.known_agents.items()}
        return {agent_id: queue for agent_id, queue in queues.items() if queue != self.task_queue}

    @property
    def app_url(self) -> str:
        """The app's address for tasks on the same machine."""
        return url_of(self.host, self.port)

    @property
    def of_clients(self) -> ClientSettings:
        """The part of the settings that client commands use."""
        key = self.api_key.get_secret_value()
        return ClientSettings(self.url, key, self.data_dir, self.host, self.port)

    @property
    def effective_public_url(self) -> str:
        """The address at which people reach the app: `public_url`, else its own address on this machine."""
        return (self.public_url or self.app_url).rstrip("/")

    @property
    def public_path(self) -> str:
        """The path below which people reach the app, such as `/signoff`: that of `public_url`; empty for the root."""
        return urlsplit(self.effective_public_url).path.rstrip("/")

    @property
    def keys_dir(self) -> Path:
        """The folder in which the app keeps its seal key."""
        return self.data_dir / "keys"

    @property
    def effective_heads_file(self) -> Path:
        """`heads_file`, or `record/heads.log` in the data folder."""
        return (self.heads_file or self.data_dir / "record" / "heads.log").expanduser().absolute()

    @property
    def workspaces_dir(self) -> Path:
        """The folder for the workspaces that Signoff creates."""
        return self.data_dir / "workspaces"

    @property
    def allowed_roots(self) -> list[Path]:
        """The resolved folders in which callers may place workspaces."""
        return [root.expanduser().resolve() for root in self.workspace_roots]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags override the environment, which overrides the file."""
        del env_settings
        return (
            init_settings,
            Environment(settings_cls),
            TomlConfigSettingsSource(settings_cls, toml_file=settings_file()),
        )
