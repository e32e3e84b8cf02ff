"""Facts about the machine, the workspace and what a plan may use, as a model reads them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.material import framed, one_line
from app.domain.moments import in_words as moment_in_words
from app.domain.parameters import Parameter, variable_of
from app.planning.facts import USUAL_PROGRAMS, Facts, FileFacts
from app.planning.model import prompts

_SECRET = re.compile(r"\bsecrets\.([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True)
class Given:
    """What a plan may use.

    Attributes:
        hosts: the hosts for requests; `*` for any.
        words: the text of the project's own people, which names secrets.
        answer_tokens: the longest answer of a model, in tokens.
        offers_http: whether requests can be planned.
        parameters: the parameters of the plan.
    """

    hosts: Collection[str]
    words: str
    answer_tokens: int
    offers_http: bool = True
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])


def in_words(facts: Facts, given: Given, now: datetime) -> str:
    """The facts as a list."""
    missing = [name for name in USUAL_PROGRAMS if name not in facts.programs]
    return prompts.text(
        "facts",
        now=moment_in_words(now, facts.time_zone),
        system=facts.system,
        shell=facts.shell,
        programs=", ".join(facts.programs) or "none of the usual ones",
        missing=", ".join(missing) or "none",
        workspace=_workspace(facts),
        network=_network(facts.network),
        hosts=_hosts(given),
        secrets=_secrets(facts, given),
        parameters=_parameters(given.parameters),
        answer_tokens=f"{given.answer_tokens:,}",
    )


def files_in_words(facts: Facts) -> str:
    """The files in the workspace with their sizes, and the beginnings of some of them."""
    if not facts.files:
        return "There are no files in the workspace."
    lines = [f"{one_line(file.path)} ({_size(file.size)})" for file in facts.files]
    if facts.more_files:
        lines.append("… and more files")
    parts = [f"Files in the workspace:\n{framed(chr(10).join(lines))}"]
    shown = "\n\n".join(_beginning(file) for file in facts.files if file.beginning)
    if shown:
        parts.append(f"What they contain, as far as it is shown; secrets are `***`:\n{framed(shown)}")
    return "\n\n".join(parts)


def _beginning(file: FileFacts) -> str:
    return f"== {one_line(file.path)} ({'complete' if file.complete else 'its first lines'})\n{file.beginning}"


def _workspace(facts: Facts) -> str:
    if facts.own_folder:
        kind = "a folder that belongs to this project alone"
    else:
        kind = "an existing folder that the project's owner has named; other people and programs may use it too"
    content = "a git repository" if facts.repository else "not a git repository"
    return f"{kind}; {content}; {'empty' if not facts.files else 'its files are listed below'}. Every run uses the same folder"


def _hosts(given: Given) -> str:
    if not given.offers_http:
        return "none is named, so `http` is not offered"
    if "*" in given.hosts:
        return "any"
    return ", ".join(sorted(given.hosts)) or "none"


def _network(ports: str) -> str:
    if ports == "none":
        return "they have none"
    reach = "any host" if ports == "all" else f"only the TCP ports {ports} of any host"
    named = "the brief or its files name"
    return f"they can connect to {reach}. Have them use only hosts that {named}, and those that install programs"


def _secrets(facts: Facts, given: Given) -> str:
    named = [name for name in facts.secrets if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", given.words)]
    unset = sorted({name for name in _SECRET.findall(given.words) if name not in facts.secrets})
    if unset:
        listed = ", ".join(named) or "none"
        return (
            f"{listed}. The brief also names {', '.join(unset)}, which this project cannot use yet: plan the task with it all "
            "the same, and say under `questions` that the administrator must set it first"
        )
    if not named:
        return "the brief names none that exists here"
    example = f"${{{{ secrets.{named[0]} }}}}"
    return f"{', '.join(named)}. Write `{example}` into `inputs` of a command, or into a request; never into an `agent` task"


def _parameters(parameters: Mapping[str, Parameter]) -> str:
    if not parameters:
        return "none"
    listed = [f"{name} = {parameter.value!r}" for name, parameter in parameters.items()]
    first = next(iter(parameters))
    return (
        f"{', '.join(listed)}. A command reads one as `${variable_of(first)}`, other tasks have "
        f"`${{{{ parameters.{first} }}}}` in `inputs`. Do not copy the values: a person may change them"
    )


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:,.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"
