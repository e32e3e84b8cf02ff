"""What could surprise in a command, found before anybody signs: placeholders, unset variables, lost state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.planning.outline.shell_text import ShellText, read_shell_text

# The name of a placeholder, its offset, and the text as written.
_PLACEHOLDER = re.compile(
    r"(?P<angle><(?:e\.g\.?|[Ee]xample|your|YOUR)\b[^<>\n]{0,160}>|<[A-Za-z](?:[\w .:|/-]{0,40}[\w.])?>)"
    r"|(?<![\w${-])(?P<your>(?:YOUR|Your|your)[_-][A-Za-z][\w-]*|<?\byour-[a-z][\w-]*|(?:your|my)-?domain\.(?:com|org|net|io|tld)\b)"
    r"|(?<![\w$({-])(?P<mine>MY_[A-Z][A-Z0-9_]*(?=[@:])|(?<=[@/])MY_[A-Z][A-Z0-9_]*)"
    r"|(?<![\w${])(?<!ormat[= ])(?P<date>YYYY(?P<sep>[._-]?)MM(?P=sep)DD(?!\w))"
    r"|(?P<spaced>\$\{[A-Za-z][\w.-]*(?:[ ][\w.-]+)+\})"
    r"|(?<![\w.$])(?P<version>[vV]?(?:X\.Y(?:\.Z)?|x\.y\.z|X\.X\.X|N\.N\.N|x\.x\.x|A\.B\.C"
    r"|YY(?:YY)?\.(?:0?M|MM)(?:\.(?:0?[DN]|DD|MICRO|PATCH))?|[0-9]+(?:\.[0-9]+)*\.X[XYZ]?(?:\.(?:[0-9]+|[XYZ]{1,2}))*)(?!\w))"
    r"|(?<![$%{@#\w])(?P<brace>\{[A-Z][A-Z0-9_ -]+\}|\{\{\s*[A-Za-z_][\w .-]*\s*\}\})"
    r"|(?<![\w\]$])(?P<square>\[[A-Z][A-Z_]{3,}\]|(?<=[\s=:/@])\[[A-Za-z]{2,}(?:[-_][A-Za-z]{2,})+\](?=\s|$))"
    r"|(?<![\w./@:%+-])(?P<address>(?:(?:remote|ssh|my|your)[_-]?)?user(?:name)?@(?:(?:remote|your|my|the)[_-]?)?"
    r"(?:host(?:name)?|server(?:name)?|machine|destination|remote|ip|ip[_-]?address|(?:server|host)[_-]ip)(?![\w.@/-]))"
    r"|(?<=[ \t])(?P<capitals>DURATION|NODE(?:_?NAME)?|POD(?:_?NAME)?|NAMESPACE|IP_?ADDRESS"
    r"|(?:CONTAINER|INSTANCE|PROJECT|ACCOUNT)_ID"
    r"|(?:BRANCH|CLUSTER|CONTAINER|DEPLOYMENT|FILE|HOST|IMAGE|SECRET|SERVER|SERVICE|USER|VOLUME)_?NAME)"
    r"(?=[ \t]*(?:[;|&)\n]|$)|[ \t]+[^\s=])"
    r"|(?<![\w\]}$\"'])(?P<named>\[(?:version|tag|name|branch|host|hostname|user|username|namespace|release|region|bucket|cluster|path)\])"
)
# Something of each of them.
_MAY_BE_PLACEHOLDER = re.compile(
    r"[<\[{X]|[xN]\.|A\.B|YY|MY_|[Yy]our|YOUR|domain|user(?:name)?@|DURATION|NODE|POD|NAMESPACE|ADDRESS|_ID|NAME"
)
# Programs that take the name of a thing. Others, such as `export` and `printenv`, take the name of a variable.
_TAKES_A_NAME_LIST = """
    aws crictl dig docker gcloud git helm kubectl nslookup oc ping podman scp sleep ssh systemctl timeout virsh
"""
_TAKES_A_NAME = frozenset(_TAKES_A_NAME_LIST.split())
_TAKES_A_VARIABLE = re.compile(
    r"[ \t](?:-e|-u|--env|--build-arg|--arg|printenv|env|unset|export|echo)[ \t]+$|=[ \t]*$|[ \t]--[ \t]"
)
_ENVIRONMENT = frozenset(
    [
        "PATH",
        "HOME",
        "PWD",
        "OLDPWD",
        "TMPDIR",
        "TZ",
        "LANG",
        "LANGUAGE",
        "RANDOM",
        "SECONDS",
        "LINENO",
        "HOSTNAME",
        "UID",
        "EUID",
        "PPID",
        "IFS",
        "OPTARG",
        "OPTIND",
        "REPLY",
        "SHLVL",
        "BASH",
        "BASHPID",
        "BASH_SOURCE",
        "BASH_LINENO",
        "BASH_REMATCH",
        "BASH_VERSION",
        "BASH_VERSINFO",
        "BASH_COMMAND",
        "BASH_SUBSHELL",
        "FUNCNAME",
        "PIPESTATUS",
        "EPOCHSECONDS",
        "EPOCHREALTIME",
        "OSTYPE",
        "HOSTTYPE",
        "MACHTYPE",
        "GROUPS",
        "DIRSTACK",
        "COLUMNS",
        "LINES",
        "SHELL",
        "USER",
        "LOGNAME",
        "SIGNOFF_OUTPUT",
        "SIGNOFF_PROJECT_ID",
        "SIGNOFF_TASK_KEY",
        "SIGNOFF_ATTEMPT",
        "TRACEPARENT",
        "TRACESTATE",
    ]
)
# `${NAME:?}` stops without a value, so it needs one; `${!NAME*}` lists names.
_USED = re.compile(r"\$(?:([A-Z][A-Z0-9_]*)|\{(?:#|!(?=\w+\}))?([A-Z][A-Z0-9_]*)(:?[-=+])?)")
_SET = re.compile(
    r"(?<![\w$])([A-Z][A-Z0-9_]*)\+?=|(?<=\$\{)([A-Z][A-Z0-9_]*)(?=:?=)|\b(?:read|for|select|mapfile|readarray|printf|getopts|local|declare|"
    r"typeset)\b([^\n;|&]{0,300})"
)
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_BREAK = re.compile(r"\n|;|&&|\|\|?&?|(?<![<>&])&(?![>&0-9])")
_MAY_BREAK = re.compile(r"[\n;&|]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_BASH = re.compile(
    r"(?:^|[\n;|&({])[ \t]*(?:(?:source|pushd|popd|declare|shopt|mapfile|readarray|typeset)[ \t]|function[ \t]+\w+|\[\[[ \t])"
    r"|\b(?:if|while|until|then|do|!)[ \t]+\[\[[ \t]|(?<![\w$])[A-Za-z_]\w*\+?=\(|[<>]\(|<<<|&>|\$\{\w+\[[@*]\]\}"
)
_NESTING = re.compile(r"[$=]\(|[()`]")
_BEFORE = frozenset(
    {"sudo", "doas", "env", "time", "nohup", "exec", "command", "nice", "then", "do", "else", "{", "(", "!", "winpty"}
)

_SETTERS = frozenset(
    {
        "export",
        "source",
        ".",
        "alias",
        "unset",
        "set",
        "conda",
        "nvm",
        "workon",
    }
)
_ENVIRONMENTS = frozenset({"conda", "nvm"})


def placeholders(parsed: ShellText) -> Iterator[tuple[int, str]]:
    """The placeholders in a command, with their offsets. Text in single quotes and quoted here-documents is meant literally."""
    searched = parsed.expanded
    if _MAY_BE_PLACEHOLDER.search(searched) is None:
        return
    for match in _PLACEHOLDER.finditer(searched):
        found = match[0]
        at = match.start()
        if match["angle"]:
            name = found[1:-1]
            in_document = parsed.words[at] not in "<Q"
            if parsed.code[at] != "<" and not _is_name(name, in_document=in_document):
                continue
            if re.search(r"\s[0-9]?$", name):
                continue  # `<in 2>err`
            if searched[at - 1 : at] in {"<", "$", "?"} or searched[at + 1 : at + 2] == "/":
                continue
        if match["brace"] and "," in found:
            continue
        if match["capitals"] and not _is_argument(parsed, at, found):
            continue
        if match["square"] and _is_line(searched, at, match.end()):
            continue  # a section of a settings file
        yield at, found


def _is_argument(parsed: ShellText, at: int, name: str) -> bool:
    """Whether a word in capitals stands for what the reader has to put there: `kubectl drain NODE_NAME`."""
    before = parsed.words[:at]
    start = max((match.end() for match in _BREAK.finditer(before)), default=0)
    script = [command for command in commands(parsed) if start <= command.offset < at]
    takes = bool(script) and script[0].words[0] in _TAKES_A_NAME and parsed.words[at : at + 1] == name[0]
    # What a script sets or reads by this name is a variable.
    known = re.search(rf"\$\{{?{name}\b|\b{name}\+?=", parsed.expanded) is not None
    return takes and not known and _TAKES_A_VARIABLE.search(before, start) is None


def _is_line(text: str, begin: int, end: int) -> bool:
    """Whether nothing else stands in the line of a part of a text."""
    return text[text.rfind("\n", 0, begin) + 1 : begin].strip() == "" == text[end:].partition("\n")[0].strip()


def _is_name(text: str, *, in_document: bool) -> bool:
    """Whether text in angle brackets, inside quotes, is a placeholder rather than HTML: `<VERSION>`, `<pod-name>`."""
    if text.isupper() or text.lower().startswith("your"):
        return True
    return not in_document and ("-" in text or "_" in text or " " in text)


def unset_variables(text: ShellText) -> dict[str, int]:
    """Names in capitals that a script uses although nothing sets them, and where first. Those with a default are set."""
    if "$" not in text.expanded:
        return {}
    given = set(_ENVIRONMENT)
    for match in _SET.finditer(text.expanded):
        # `NAME=$NAME` passes on a value that has to come from elsewhere.
        if match[1] is None or not _passes_on(match[1], text.expanded[match.end() : match.end() + len(match[1]) + 5]):
            given |= {match[1] or match[2]} if match[1] or match[2] else set(_NAME.findall(match[3]))
    names: dict[str, int] = {}
    for match in _USED.finditer(text.expanded):
        name = match[1] or match[2]
        if not match[3] and name not in given and not name.startswith(("LC_", "INPUT_")):
            names.setdefault(name, match.start())
    return names


def _passes_on(name: str, value: str) -> bool:
    given = value.removeprefix('"')
    return given.startswith(f"${{{name}}}") or (
        given.startswith(f"${name}") and not given[len(name) + 1 :][:1].isalnum()
    )


def needs_bash(script: str) -> bool:
    """Whether a script uses what only bash and its relatives know, so that sh would fail."""
    return _BASH.search(read_shell_text(script).words) is not None


def is_only_comments(script: str) -> bool:
    """Whether a script has nothing to run."""
    return bool(script.strip()) and not read_shell_text(script).words.strip()


class Command(NamedTuple):
    """A simple command: its words, without what only starts it; the operator after it; where it begins.

    Quoted text is `Q` for each character.
    """

    words: list[str]
    operator: str
    offset: int


def commands(text: ShellText) -> list[Command]:
    """The simple commands of a script, without those in `$(…)`."""
    code = without_nested(text.words).replace("\\\n", "  ")
    if _MAY_BREAK.search(code) is None:
        found: list[Command] = []
        _command(code, "", 0, found)
        return found
    found = list[Command]()
    position = 0
    for match in _BREAK.finditer(code):
        _command(code[position : match.start()], match[0], position, found)
        position = match.end()
    _command(code[position:], "", position, found)
    return found


def _command(text: str, operator: str, offset: int, found: list[Command]) -> None:
    words = text.split()
    start = 0
    while start < len(words) - 1 and (
        words[start] in _BEFORE
        or _ASSIGNMENT.match(words[start])
        or (start and words[start - 1] in _BEFORE and words[start].startswith("-"))
        or (start > 1 and words[start - 1] in {"-u", "--user"} and words[start - 2] in {"sudo", "doas"})
    ):
        start += 1
    if words:
        found.append(Command(words[start:], operator, offset + len(text) - len(text.lstrip())))


def lost_state(script: list[Command]) -> tuple[int, str] | None:
    """What the end of a script leaves behind that the next step does not see: where, and a sentence."""
    end = len(script)
    while end and script[end - 1].words == ["}"]:
        end -= 1
    if not end:
        return None
    words, _, offset = script[end - 1]
    first = words[0]
    if first in {"cd", "pushd"}:
        why = (
            f"The folder of '{first}' is gone when this step ends. Put what needs it into the same block, or use cwd=…"
        )
        return offset, why
    activates = first not in _ENVIRONMENTS or (len(words) > 1 and words[1] in {"activate", "use", "deactivate"})
    if (first in _SETTERS and activates) or ("=" in first and all(map(_ASSIGNMENT.match, words))):
        why = "What this step sets is gone when it ends: each step has its own environment. Put what needs it into its block."
        return offset, why
    return None


def without_nested(words: str) -> str:
    """The words of a script with `Q` for each character of what stands in `$(…)`, backticks and the `(…)` of an array."""
    if _NESTING.search(words) is None:
        return words
    kept: list[str] = []
    position = depth = 0
    backtick = False
    for match in _NESTING.finditer(words):
        inside = bool(depth) or backtick
        kept.append("Q" * (match.start() - position) if inside else words[position : match.start()])
        mark = match[0]
        backtick ^= mark == "`"
        depth = max(depth + (mark[-1] == "(" and (inside or mark != "(")) - (mark == ")" and bool(depth)), 0)
        opened = "=Q" if mark == "=(" and not inside else "Q" * len(mark)
        kept.append(opened if inside or depth or backtick else mark)
        position = match.end()
    kept.append("Q" * (len(words) - position) if depth or backtick else words[position:])
    return "".join(kept)
