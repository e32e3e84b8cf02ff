"""Facts about the machine and the workspace for which a plan is made. Whoever runs a planner collects them."""

from __future__ import annotations

from pydantic import BaseModel, Field

# Programs that plans often use. A planner is told which of them exist.
USUAL_PROGRAMS = (
    "awk",
    "bash",
    "curl",
    "docker",
    "ffmpeg",
    "find",
    "gcc",
    "gh",
    "git",
    "go",
    "gpg",
    "grep",
    "gzip",
    "helm",
    "java",
    "jq",
    "kubectl",
    "mail",
    "make",
    "mysql",
    "node",
    "npm",
    "openssl",
    "pandoc",
    "pg_dump",
    "pip3",
    "psql",
    "python3",
    "rsync",
    "scp",
    "sed",
    "sendmail",
    "sqlite3",
    "ssh",
    "tar",
    "terraform",
    "unzip",
    "wget",
    "xz",
    "zip",
)


class FileFacts(BaseModel):
    """A file in the workspace. `beginning` is its first lines, without secrets; None if it is not shown.

    `complete` says whether the beginning is the whole file.
    """

    path: str
    size: int
    beginning: str | None = None
    complete: bool = False


class Facts(BaseModel):
    """What a planner should know about the place in which its plan runs.

    Attributes:
        time_zone: the name of the worker's time zone.
        system: name and version of the operating system, and the processor.
        shell: what `/bin/sh` is.
        programs: the usual programs that exist.
        own_folder: whether the workspace is a folder that Signoff made for this project.
        repository: whether the workspace is a git repository.
        files: files in the workspace.
        more_files: whether there are more of them.
        secrets: names of the secrets that tasks of this project may use.
        network: the TCP ports that commands may connect to: `all`, `none`, or a list separated by commas.
    """

    time_zone: str
    system: str
    shell: str = ""
    programs: list[str] = Field(default_factory=list[str])
    own_folder: bool = True
    repository: bool = False
    files: list[FileFacts] = Field(default_factory=list[FileFacts])
    more_files: bool = False
    secrets: list[str] = Field(default_factory=list[str])
    network: str = "all"
