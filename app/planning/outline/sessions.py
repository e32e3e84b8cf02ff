"""Recognizes commands that open a session, such as `ssh HOST` or `docker exec -it app bash`: what follows is typed into it.

Pure functions over a script, and over the words of a step.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from app.planning.outline.sections import plain
from app.planning.outline.shell_findings import commands
from app.planning.outline.shell_text import read_shell_text

_SHELLS = frozenset({"bash", "sh", "zsh", "ash", "fish", "ksh", "dash", "csh", "tcsh"})
_CLIENTS = {
    # The options of each client that give it something to do, so that it does not wait for commands.
    "psql": re.compile(r"-[aAbeEHnNqsStwWxXz01]*[cflV].*|--(?:command|file|list|version|help).*|-[?]"),
    "mysql": re.compile(r"-[AaBbCcfGHiLNnqrstTvwX]*[eV].*|--(?:execute|version|help).*"),
    "mariadb": re.compile(r"-[AaBbCcfGHiLNnqrstTvwX]*[eV].*|--(?:execute|version|help).*"),
    "mongo": re.compile(r"--(?:eval|version|help).*|.*\.js"),
    "mongosh": re.compile(r"--(?:eval|file|version|help).*|-f|.*\.js"),
    "sqlplus": re.compile(r"@.*|-V"),
    "cqlsh": re.compile(r"-[ef].*|--(?:execute|file|version).*"),
    "clickhouse-client": re.compile(r"-q.*|--(?:query|queries-file|version).*"),
    "influx": re.compile(r"[a-z].*|-execute"),
}
# Options of ssh that take the next word as their value.
_SSH_VALUES = frozenset(f"-{letter}" for letter in "bcDEeFIiJLlmOopQRSWwB")
_SSH_NO_SESSION = re.compile(r"-[46AaCGgKkMnqsTtvXxYy]*[NfVGOQ][\w]*")
_SSH_BRIEF = re.compile(r"-[bcDEeFIiJLlmopRSw].+")
_CONTAINER_OPTIONS = """
    -n --namespace -c --container --context --kubeconfig -u --user -w --workdir -e --env --env-file --index -p
    --project-name -f --file --filename -H --host --log-level --cluster -s --server
"""
_CONTAINER_VALUES = frozenset(_CONTAINER_OPTIONS.split())
_INTERACTIVE = re.compile(r"-[a-z]*[it][a-z]*|--(?:interactive|tty|stdin)(?:=true)?")
_STARTERS = frozenset({("bundle", "exec"), ("poetry", "run"), ("uv", "run"), ("pipenv", "run")})
_PYTHONS = frozenset({"python", "python3"})
# What is typed into these is no command of a shell, so it does not look like one.
_NO_SHELLS = frozenset(
    {*_CLIENTS, *_PYTHONS, "redis-cli", "node", "irb", "rails", "manage.py", "gitlab-rails", "gitlab-psql"}
)
_ENTERS = frozenset({"nsenter", "chroot", "arch-chroot", "systemd-nspawn", "machinectl", "toolbox", "distrobox"})
_REDIRECTED = re.compile(r"<{1,3}[^(]?.*")
_ENTER = re.compile(
    r"(?:(?:then|first|next|now|please|and)[, ]+)*(?:(?:open an? )?ssh\b(?!\s+(?:keys?|agent|config))"
    r"|(?:log\s?in|login|log|sign in|connect|jump|hop|shell|exec)\s+(?:in)?(?:to|onto)\s+(?!your\b)[^.:;]{0,60}"
    r"\b(?:ssh|servers?|hosts?|machines?|nodes?|vms?|instances?|containers?|pods?|bastion|replica|primary|secondary|droplet)\b)",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"(?:(?:then|finally|now|again|and)[, ]+)*(?:"
    r"(?:exit|leave|log\s?out|log\s?off|logout|quit|disconnect|close|end|detach)\b(?!\s+code)"
    r"|(?:press |type |hit |with )?(?:ctrl|control)\W{0,3}d\b|\\q\b"
    r"|(?:back\s+)?(?:on|from|at)\s+(?:your|the|my)\s+(?:own\s+|local\s+)?(?:machine|computer|laptop|workstation|terminal|host)\b"
    r"|(?:go|come|switch|return|get)\s+back\s+to\s+(?:your|the|my)\s+(?:own\s+|local\s+)?\w*\s*(?:machine|computer|laptop|workstation|terminal|host|shell)"
    r"|locally\b|back\s+(?:home|here|on\s+your)\b)",
    re.IGNORECASE,
)
_LEAVES = frozenset({"exit", "logout", "\\q", "quit"})


class Opened(NamedTuple):
    """A command that opens a session.

    `last`: whether it is the last command of its script. `takes_shell`: whether commands of a shell are typed into it.
    """

    command: str
    last: bool
    takes_shell: bool


def opens_session(text: str) -> Opened | None:
    """The first command of a script that opens a session for what follows it. None if there is none."""
    if _MAY_OPEN.search(text) is None:
        return None
    script = commands(read_shell_text(text))
    for number, (words, operator, offset) in enumerate(script):
        piped = operator in {"|", "|&", "&"} or (number > 0 and script[number - 1].operator in {"|", "|&"})
        if not piped and _opens(words):
            shown = re.split(r"[\n;|&]", text[offset:], maxsplit=1)[0].strip()
            return Opened(shown[:60], number == len(script) - 1, not _NO_SHELLS.intersection(words))
    return None


def enters(words: str) -> bool:
    """Whether a step without a command says to open a session: "SSH to the replica", "Log in to the server"."""
    return _ENTER.match(plain(words)) is not None


def leaves_session(words: str, command: str | None) -> bool:
    """Whether a step ends a session: its command is `exit`, or its words say so ("Back on your machine: …")."""
    return (command or "").strip() in _LEAVES or _LEFT.match(plain(words)) is not None


def _opens(words: list[str]) -> bool:
    if any(map(_REDIRECTED.fullmatch, words)):
        return False
    if "--" in words[1:-1] and not {*_PROGRAMS, *_ENTERS, *_CLIENTS}.intersection(words[:1]):
        # What comes before it only starts the command behind it: `aws-vault exec admin -- ssh HOST`.
        words = words[words.index("--") + 1 :]
    if tuple(words[:2]) in _STARTERS or (words[0] in _PYTHONS and words[1:2] and words[1].endswith("manage.py")):
        words = words[1 if words[0] in _PYTHONS else 2 :]
        if not words:
            return False
    program, rest = words[0].rpartition("/")[2], words[1:]
    if program in _CLIENTS:
        return not any(map(_CLIENTS[program].fullmatch, rest))
    if program in _ENTERS or program in _SHELLS:
        return not [word for word in rest if not word.startswith("-")][program in _ENTERS :] and "-c" not in rest
    known = _PROGRAMS.get(program)
    if known is not None:
        return known(rest)
    # `sudo -i` and `sudo -s`: only their option is left here.
    return program in {"-i", "-s", "--login", "--shell"} and not rest


def _ssh(rest: list[str]) -> bool:
    plain_words: list[str] = []
    skipped = False
    for word in rest:
        if skipped:
            skipped = False
        elif word in _SSH_VALUES:
            skipped = True
        elif word.startswith("-"):
            if _SSH_NO_SESSION.fullmatch(word) and not _SSH_BRIEF.fullmatch(word):
                return False
        else:
            plain_words.append(word)
    return len(plain_words) == 1


def _su(rest: list[str]) -> bool:
    return not any(word.startswith(("-c", "--command")) for word in rest)


def _container(rest: list[str]) -> bool:
    """Whether `docker exec -it app bash`, `docker compose exec db psql` or `kubectl exec -it pod -- sh` opens a session."""
    words = rest[1:] if rest[:1] == ["compose"] else rest
    named: list[int] = []
    skipped = False
    for number, word in enumerate(words):
        if word == "--" and named:
            inner = words[number + 1 :]
            return words[named[0]] in {"exec", "run", "debug"} and bool(inner) and _opens(inner)
        if skipped:
            skipped = False
        elif word in _CONTAINER_VALUES:
            skipped = True
        elif not word.startswith("-"):
            named.append(number)
    first = words[named[0]] if named else ""
    if first in {"rsh", "attach"}:
        return len(named) == 2
    if first == "exec":
        return len(named) == 2 or (len(named) > 2 and _opens(words[named[2] :]))
    return first == "run" and words[-1].rpartition("/")[2] in _SHELLS and any(map(_INTERACTIVE.fullmatch, words))


def _subcommand(*starts: str) -> Callable[[list[str]], bool]:
    wanted = [start.split() for start in starts]
    return lambda rest: any(rest[: len(words)] == words for words in wanted)


def _ssh_of_a_cloud(rest: list[str]) -> bool:
    return (
        rest[:2] == ["compute", "ssh"] and not any(word.startswith("--command") for word in rest) and "--" not in rest
    )


def _alone(rest: list[str]) -> bool:
    return not rest


_PROGRAMS: dict[str, Callable[[list[str]], bool]] = {
    "ssh": _ssh,
    "mosh": _ssh,
    "su": _su,
    "docker": _container,
    "podman": _container,
    "nerdctl": _container,
    "docker-compose": _container,
    "kubectl": _container,
    "oc": _container,
    "vagrant": lambda rest: rest[:1] == ["ssh"] and "-c" not in rest,
    "gcloud": _ssh_of_a_cloud,
    "aws": _subcommand("ssm start-session"),
    "heroku": _subcommand("run bash", "ps:exec", "pg:psql"),
    "fly": lambda rest: rest[:2] == ["ssh", "console"] and "-C" not in rest,
    "flyctl": lambda rest: rest[:2] == ["ssh", "console"] and "-C" not in rest,
    "lxc": lambda rest: rest[:1] in (["exec"], ["shell"]) and rest[-1].rpartition("/")[2] in {*_SHELLS, *rest[1:2]},
    "incus": lambda rest: rest[:1] in (["exec"], ["shell"]) and rest[-1].rpartition("/")[2] in {*_SHELLS, *rest[1:2]},
    "rails": lambda rest: rest[:1] in (["console"], ["c"], ["dbconsole"], ["db"]),
    "manage.py": _subcommand("shell", "dbshell"),
    "gitlab-rails": _subcommand("console", "dbconsole"),
    "gitlab-psql": _alone,
    "redis-cli": lambda rest: (
        all(word.startswith("-") or word.isdigit() or "." in word for word in rest)
        and not {"--eval", "--pipe", "--bigkeys", "--version"} & set(rest)
    ),
    "python": _alone,
    "python3": _alone,
    "node": _alone,
    "irb": _alone,
    "telnet": bool,
    "ftp": bool,
    "sftp": lambda rest: bool(rest) and "-b" not in rest,
}
_MAY_OPEN = re.compile(rf"(?<![\w-])(?:{'|'.join([*_SHELLS, *_CLIENTS, *_ENTERS, *_PROGRAMS, 'sudo'])})(?![\w-])")
