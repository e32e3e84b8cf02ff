"""Finds commands that may never end: servers, followers, and programs that wait for a keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.planning.outline.shell_findings import Command

_COMMIT_MESSAGE = re.compile(r"-[a-zA-Z]*[mFC]|--(?:message|file|no-edit|reuse-message|fixup)")
_FOLLOW = re.compile(r"-[a-zA-Z]*f[0-9n]*")
_SERVERS = frozenset(
    {
        "watch",
        "yes",
        "gunicorn",
        "uvicorn",
        "hypercorn",
        "daphne",
        "nodemon",
        "ngrok",
        "jupyter",
    }
)
_INTERACTIVE = frozenset(
    {
        "top",
        "htop",
        "btop",
        "iotop",
        "less",
        "more",
        "man",
        "vim",
        "vi",
        "nvim",
        "nano",
        "emacs",
        "pico",
        "visudo",
        "vipw",
        "tmux",
        "screen",
        "minicom",
        "telnet",
        "ftp",
        "sftp",
        "passwd",
        "su",
        "login",
        "mc",
        "ranger",
    }
)
_CONTAINERS = frozenset(
    {
        "docker",
        "podman",
        "kubectl",
        "oc",
        "docker-compose",
    }
)
_TERMINAL = re.compile(r"-[a-z]*(?:it|ti)[a-z]*")
# Options of kubectl and oc that take the next word as their value.
_WITH_VALUE = frozenset({"-n", "--namespace", "-c", "--container", "--context", "--kubeconfig", "-f", "--filename"})
_REPLS = frozenset(
    [
        "python",
        "python3",
        "python2",
        "node",
        "ruby",
        "irb",
        "php",
        "psql",
        "mysql",
        "sqlite3",
        "mongo",
        "mongosh",
        "redis-cli",
        "bash",
        "sh",
        "zsh",
        "bc",
        "gdb",
    ]
)


def endless(script: list[Command]) -> tuple[int, str] | None:
    """Why a script may never end, or why it needs a keyboard: where, and a sentence."""
    for index, (words, operator, offset) in enumerate(script):
        piped = index > 0 and script[index - 1].operator in {"|", "|&"}
        known = words[0].rpartition("/")[2] in _KNOWN
        if known and operator != "&" and (why := _endless(words, piped=piped)) is not None:
            return offset, why
    background = next((command.offset for command in script if command.operator == "&"), None)
    if background is not None:
        return background, "What this step starts in the background ends with the step."
    return None


def _endless(words: list[str], *, piped: bool) -> str | None:
    program = words[0].rpartition("/")[2]
    rest = words[1:]
    plain = [word for word in rest if not word.startswith("-")]
    flags = [word for word in rest if word.startswith("-")]
    if program in _SERVERS or (program in _SUBCOMMANDS and _SUBCOMMANDS[program](plain, flags, rest)):
        started = " ".join([program, *rest][:4])
        return f"'{started}' may never end. Set a time limit ({{timeout=…}}), or start it as a service."
    if program == "ssh" and len(plain) == 1 and not piped and not {"<<", "-V", "-Q", "-N", "-f"} & {*rest, *flags}:
        return "'ssh' without a command needs a keyboard, and what follows runs here, not there. Write ssh HOST 'commands'."
    if program in {"kubectl", "oc"} and _opens_shell(rest):
        return f"'{program} {plain[0]}' without a command needs a keyboard, and what follows runs here, not there."
    if program in _CONTAINERS and any(_TERMINAL.fullmatch(flag) for flag in flags):
        return (
            f"'{program} … -it' needs a keyboard, which a task does not have. Remove -it, and name the command to run."
        )
    asks = program in _ASKING and _ASKING[program](plain, flags, rest)
    if program in _INTERACTIVE or (program in _REPLS and not rest and not piped) or asks:
        return f"'{' '.join([program, *plain][: 3 if asks else 1])}' needs a keyboard, which a task does not have."
    return None


def _opens_shell(rest: list[str]) -> bool:
    """Whether `kubectl exec` or `oc rsh` names no command to run there."""
    if not rest or rest[0] not in {"exec", "rsh"} or "--" in rest:
        return False
    values = {number + 1 for number, word in enumerate(rest) if word in _WITH_VALUE}
    plain = [word for number, word in enumerate(rest) if number not in values and not word.startswith("-")]
    return len(plain) <= 2


_Check = Callable[[list[str], list[str], list[str]], bool]


def _begins(*starts: str) -> _Check:
    wanted = [start.split() for start in starts]
    return lambda plain, flags, rest: any(plain[: len(words)] == words for words in wanted)


def _follows(plain: list[str], flags: list[str], rest: list[str]) -> bool:
    del plain, rest
    return bool({"-f", "-F", "--follow"} & set(flags)) or any(_FOLLOW.fullmatch(flag) for flag in flags)


def _python(plain: list[str], flags: list[str], rest: list[str]) -> bool:
    del flags
    return rest[:2] in (["-m", "http.server"], ["-m", "SimpleHTTPServer"]) or plain[1:2] == ["runserver"]


def _docker(plain: list[str], flags: list[str], rest: list[str]) -> bool:
    if plain[:1] == ["logs"]:
        return _follows(plain, flags, rest)
    return plain[:1] == ["compose"] and _compose_up(plain, flags, rest)


def _kubectl(plain: list[str], flags: list[str], rest: list[str]) -> bool:
    if plain[:1] == ["logs"]:
        return _follows(plain, flags, rest)
    return plain[:1] in (["port-forward"], ["proxy"]) or (plain[:1] == ["get"] and bool({"-w", "--watch"} & set(flags)))


def _git(plain: list[str], flags: list[str], rest: list[str]) -> bool:
    del rest
    if plain[:1] == ["commit"]:
        return not any(_COMMIT_MESSAGE.match(flag) for flag in flags)
    asking = {"rebase": {"-i", "--interactive"}, "add": {"-p", "-i", "--patch", "--interactive"}}
    return bool(asking.get(plain[0] if plain else "", set[str]()) & set(flags))


def _compose_up(plain: list[str], flags: list[str], rest: list[str]) -> bool:
    del rest
    words = plain[1:] if plain[:1] == ["compose"] else plain
    return "up" in words[:3] and not {"-d", "--detach", "--wait", "--no-start"} & set(flags)


_SUBCOMMANDS: dict[str, _Check] = {
    "python3": _python,
    "python": _python,
    "manage.py": _begins("runserver"),
    "rails": _begins("server", "s", "console", "c"),
    "npm": _begins("start", "run dev", "run start", "run serve", "run watch"),
    "yarn": _begins("start", "dev", "serve", "watch", "run dev", "run start"),
    "pnpm": _begins("start", "dev", "run dev", "run start"),
    "tail": _follows,
    "journalctl": _follows,
    "docker": _docker,
    "docker-compose": _compose_up,
    "kubectl": _kubectl,
    "flask": _begins("run"),
    "hugo": _begins("server", "serve"),
    "jekyll": _begins("serve"),
    "mkdocs": _begins("serve"),
    "ng": _begins("serve"),
    "cargo": _begins("watch"),
    "vite": lambda plain, flags, rest: not plain,
    "sleep": _begins("infinity"),
    "php": lambda plain, flags, rest: "-S" in flags,
    "nc": lambda plain, flags, rest: any("l" in flag for flag in flags),
    "redis-server": lambda plain, flags, rest: "--daemonize" not in flags,
    "dotnet": _begins("watch"),
}
_ASKING: dict[str, _Check] = {
    "npm": _begins("login", "adduser", "init"),
    "gh": _begins("auth login"),
    "az": lambda plain, flags, rest: plain[:1] == ["login"] and not {"--service-principal", "--identity"} & set(flags),
    "aws": _begins("configure", "sso login"),
    "gcloud": _begins("auth login", "init"),
    "docker": lambda plain, flags, rest: (
        plain[:1] == ["login"] and "--password-stdin" not in flags and "-p" not in flags
    ),
    "heroku": _begins("login"),
    "vault": _begins("login"),
    "cargo": lambda plain, flags, rest: plain == ["login"],
    "kubectl": _begins("edit"),
    "systemctl": _begins("edit"),
    "crontab": lambda plain, flags, rest: "-e" in flags,
    "git": _git,
    "sudo": lambda plain, flags, rest: bool({"-i", "-s"} & set(flags)) and not plain,
    "script": lambda plain, flags, rest: (
        not any(re.fullmatch(r"-[a-zA-Z]*[cV]|--(?:command|version).*", flag) for flag in flags)
    ),
    "read": lambda plain, flags, rest: True,
}
# Another program ends by itself and needs no keyboard.
_KNOWN = frozenset({*_SUBCOMMANDS, *_ASKING, *_SERVERS, *_INTERACTIVE, *_CONTAINERS, *_REPLS, "ssh"})
