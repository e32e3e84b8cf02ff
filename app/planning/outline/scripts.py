"""Reads blocks with commands: which blocks run, with which program, and what could surprise in them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.domain.plan import ActionSpec
from app.domain.references import expressions
from app.planning.outline.blocks import ACTION_FENCES, FENCES, PHASE_FENCE, SHELLS, Fence
from app.planning.outline.comments import said_in_comments
from app.planning.outline.endless import endless
from app.planning.outline.fence_options import FenceOptions, check_options, fence_options
from app.planning.outline.findings import Findings
from app.planning.outline.interpreters import INTERPRETERS, OTHER_SHELLS
from app.planning.outline.lost_between import Step
from app.planning.outline.lost_variables import (
    HOW_TO_KEEP,
    is_guarded,
    lost_variables,
    unset_in_lower_case,
    why_lost,
)
from app.planning.outline.pasted_output import pasted_output
from app.planning.outline.placeholders import Placeholder
from app.planning.outline.programs import holds_commands
from app.planning.outline.prompts import SESSIONS, Session, read_session
from app.planning.outline.sessions import opens_session
from app.planning.outline.shell_findings import (
    Command,
    commands,
    is_only_comments,
    lost_state,
    needs_bash,
    placeholders,
    unset_variables,
)
from app.planning.outline.shell_text import ShellText, read_shell_text
from app.planning.outline.unset import is_secret, to_ask_for
from app.planning.strict_bash import STRICT_BASH

STRICT_SH = "set -e\n"
_BASH_SHEBANG = re.compile(r"#!.*\bbash\b")
_HISTORY = re.compile(r"(?<!\S)(?:!!|!\$)(?![^\s;|&)])")
_READS_HISTORY = "takes up what was typed before it (!! or !$), and a script has no such history"
_HOW_TO_TELL = (
    "would run as a command. Start the block with ```console, and its commands with '$ '; or, if all lines are "
    "commands, write run behind the language"
)
_LIST_ITEM = re.compile(r"\s*[-*]\s")
_REFERENCE = (
    "'${{ … }}' is not allowed in a command. Put it into the task's inputs, in an inputs block; the command reads an input "
    "as $INPUT_<NAME>."
)
# Blocks in these languages show something. Nobody expects them to run.
_DATA_LIST = """
    text txt plain plaintext none output log json jsonc json5 yaml yml toml ini conf cfg xml html css scss diff patch
    markdown md mdx mermaid csv tsv dot graphviz plantuml math latex tex properties env dotenv editorconfig gitignore
    svg http-response
"""
_DATA = frozenset(_DATA_LIST.split())


@dataclass(frozen=True)
class Settings:
    """What a script has to know about where it is.

    Attributes:
        shell: the shell of scripts that do not ask for bash themselves.
        variables: the names of the variables that the plan sets for the script.
    """

    shell: str = "sh"
    variables: frozenset[str] = frozenset()


@dataclass
class Script:
    """A block with commands.

    Attributes:
        action: what runs; None if a person has to do it, or if it has a problem.
        by_hand: why a person has to do it; empty if it runs.
        expected: the output that the author shows.
        name: the name that another tool gives the block.
    """

    action: ActionSpec | None = None
    by_hand: str = ""
    expected: str = ""
    name: str = ""


def is_action(fence: Fence) -> bool:
    """Whether a fence says what a task does."""
    options = fence_options(fence)
    if options.run is False:
        return False
    if options.language in ACTION_FENCES or options.run:
        return options.language not in {"inputs", "task", PHASE_FENCE}
    return _session(fence) is not None


def is_script(fence: Fence) -> bool:
    """Whether a fence holds commands, and no request, prompt or JSON."""
    return is_shown(fence) or (
        is_action(fence)
        and (fence_options(fence).language in SHELLS or fence_options(fence).language not in ACTION_FENCES)
    )


def is_shown(fence: Fence) -> bool:
    """Whether a fence holds commands without saying so: in a section that says nothing else to do, a person does them."""
    options = fence_options(fence)
    if options.run is not None or fence.is_text:
        return False
    plain = options.language in (*SESSIONS, "") and _session(fence) is None and holds_commands(fence.content)
    return plain or (options.language in OTHER_SHELLS and bool(fence.content.strip()))


def is_own(fence: Fence) -> bool:
    """Whether a fence has a meaning in an item besides an action."""
    return fence.language in FENCES and fence.language not in ACTION_FENCES


def script_of(fence: Fence) -> str:
    """The commands in a block: of a session in a terminal, only those after a prompt."""
    session = _session(fence)
    return session.commands if session is not None and session.commands else fence.content


def first_command(fence: Fence) -> str:
    """The first line of a block that is a command; empty if there is none."""
    lines = (line.strip() for line in script_of(fence).split("\n"))
    return next((line for line in lines if line and not line.startswith("#")), "")


def warn_of_text(fence: Fence, findings: Findings) -> None:
    """Point out a block that is kept as text although a reader would run it."""
    options = fence_options(fence)
    if options.run is False or options.language in _DATA:
        return
    kind = f"The {options.language[:40]} block" if options.language else "This block without a language"
    how = ""
    if options.language in INTERPRETERS:
        how = f" To run it, start it with ```{options.language} run."
    elif options.language in (*SESSIONS, ""):
        how = " To run it, start it with ```sh."
    findings.warn(fence.line, f"{kind} is treated as text.{how}")


def read_script(fence: Fence, settings: Settings, findings: Findings, *, must_run: bool = False) -> Script:
    """Read a block of commands. Its problems and warnings go into `findings`.

    Args:
        fence: the block.
        settings: what it has to know about where it is.
        findings: where problems and warnings go.
        must_run: whether its author says what only a step that runs can have.
    """
    options = fence_options(fence)
    check_options(fence, options, findings)
    if not fence.content.strip():
        findings.problem(fence.line, findings.column_of(fence.line, fence.language), "This block is empty.")
        return Script()
    script = Script(name=options.values.get("name", ""))
    content, language = fence.content, options.language
    session = _session(fence)
    if session is not None:
        script.expected, content = session.output, session.commands
        if session.elsewhere is not None:
            script.by_hand = "its prompt is that of another machine or program"
            findings.warn(fence.line + 1 + session.elsewhere, f"A person does this step: {script.by_hand}.")
            return script
        if session.output:
            findings.warn(fence.line, "Only the lines after a prompt run. The others are kept as the output to expect.")
    script.by_hand = _why_by_hand(fence, options, content, run=must_run or bool(options.run))
    if script.by_hand:
        findings.warn(fence.line, f"A person does what this block says: {script.by_hand}.")
        return script
    shell = _shell_of(language, content, settings)
    if shell is None and language not in INTERPRETERS:
        known = ", ".join(["sh", "bash", *sorted(INTERPRETERS)])
        findings.problem(
            fence.line,
            findings.column_of(fence.line, "run"),
            f"A {language} block cannot be run; languages that can: {known}.",
        )
        return script
    if shell is not None:
        places = _places(fence, session, findings)
        script.by_hand = check_script(
            content, fence.line + 1, findings, settings.variables, places=places, must_run=must_run or bool(options.run)
        )
        if script.by_hand:
            return script
    cwd = options.values.get("cwd")
    stops = not options.says("on_error", "continue")
    ran = _command(shell, content, stops=stops) if shell is not None else {"argv": [*INTERPRETERS[language], content]}
    script.action = ActionSpec.model_validate({"type": "shell", **ran, **({"cwd": cwd} if cwd else {})})
    return script


def _why_by_hand(fence: Fence, options: FenceOptions, content: str, *, run: bool) -> str:
    """Why a person does what a block of commands says. Empty if it runs."""
    if options.says("excludeFromRunAll", "true"):
        return "excludeFromRunAll=true keeps it from running with the others"
    if options.language in (*SHELLS, *SESSIONS, "") and is_only_comments(content):
        return "it has only comments, so there is nothing to run"
    if all(_LIST_ITEM.match(line) for line in content.split("\n") if line.strip()):
        return "its lines are a list, and no commands"
    if said := said_in_comments(fence.content, run=run):
        return said
    if (opened := opens_session(content)) is not None and not opened.last:
        return f"'{opened.command}' opens a session, and the lines after it are meant to be typed there"
    return _how_to_say_it_runs(options) if is_shown(fence) else _shows_output(fence, options, content)


def _shows_output(fence: Fence, options: FenceOptions, content: str) -> str:
    is_script = options.language in SHELLS and not options.run and _session(fence) is None
    at = pasted_output(content) if is_script else None
    return f"line {fence.line + at + 2} is output, and {_HOW_TO_TELL}" if at is not None else ""


def _how_to_say_it_runs(options: FenceOptions) -> str:
    how = f"{options.language} run" if options.language in INTERPRETERS else "sh"
    return f"it does not say that it is a script. To run it, start it with ```{how}"


def inline_action(command: str, settings: Settings) -> ActionSpec:
    """The action of inline code."""
    ran = {"command": command} if settings.shell == "sh" else _command(settings.shell, command, stops=True)
    return ActionSpec.model_validate({"type": "shell", **ran})


def check_script(
    text: str,
    line: int,
    findings: Findings,
    variables: frozenset[str],
    *,
    offset: int = 0,
    places: Sequence[tuple[int, int]] = (),
    must_run: bool = False,
) -> str:
    """Find what could surprise in a command. Return why a person has to do it instead; empty if it can run.

    Args:
        text: the command.
        line: the line of its first character.
        findings: where problems and warnings go.
        variables: the names of the variables that the plan sets.
        offset: the column of its first line.
        places: the line and column of each line of `text`, if they are not below one another in the description.
        must_run: whether the author says that it runs (`{run}`).
    """
    starts: list[int] = []

    def place(at: int) -> tuple[int, int]:
        if not starts:
            starts.extend([0, *(match.end() for match in re.finditer("\n", text))])
        number = bisect_right(starts, at) - 1
        begin = places[number] if number < len(places) else (line + number, offset)
        return begin[0], begin[1] + at - starts[number]

    parsed = read_shell_text(text)
    script = commands(parsed)
    lost = lost_variables(parsed, script, variables, findings.set_anywhere) if "$" in text else {}
    gone = _gone(parsed, lost)
    if gone and not must_run:
        at, why, how = gone[0]
        why = f"it {why_lost(list(lost)) if lost else why}"
        findings.warn(place(at)[0], f"A person does this step: {why}. {how}")
        return why
    for at, found in placeholders(parsed):
        quoted = not parsed.code[at].strip() and bool(found[0].strip())
        findings.placeholder(Placeholder(*place(at), found, quoted))
    if "${{" in text and any(expressions(text)):
        findings.problem(*place(text.index("${{")), _REFERENCE)
        return ""
    if parsed.open_heredoc is not None:
        at, delimiter = parsed.open_heredoc
        findings.problem(*place(at), _open_heredoc(delimiter))
    for at, why, how in gone:
        findings.problem(*place(at), f"This step {why}. {how}")
    read = unset_variables(parsed) | unset_in_lower_case(parsed, script) if "$" in text else {}
    unset = {name: at for name, at in read.items() if name not in variables and name not in lost}
    if unset:
        checked = {name for name in unset if is_guarded(name, parsed.expanded)}
        _tell_of_unset({name: place(at)[0] for name, at in unset.items()}, checked, script, findings)
    findings.scripts.setdefault(text, []).append(Step(parsed, script, lambda at: place(at)[0]))
    for at, message in filter(None, (lost_state(script), endless(script))):
        findings.warn(place(at)[0], message)
    return ""


def _gone(text: ShellText, lost: dict[str, int]) -> list[tuple[int, str, str]]:
    """What a script reads that only was in another step: where, how a sentence about it continues, and what to do."""
    read = sorted((at, why_lost([name]), HOW_TO_KEEP) for name, at in lost.items())
    return read + [(match.start(), _READS_HISTORY, "Write it out.") for match in _HISTORY.finditer(text.code)]


def _open_heredoc(delimiter: str) -> str:
    return f"This here-document has no end: no line of the block is {delimiter}. Indent all its lines like the block."


def _tell_of_unset(unset: dict[str, int], checked: set[str], script: list[Command], findings: Findings) -> None:
    """Have the plan ask for the settings that a script needs, and point out what else it reads without a value.

    Args:
        unset: the line of each variable that nothing sets.
        checked: those for which the script itself says what happens without a value.
        script: the commands that use them.
        findings: where warnings and questions go.
    """
    asked = [name for name in to_ask_for(unset, script, findings.assigned) if findings.ask(name)]
    secrets = [name for name in unset if is_secret(name)]
    others = [name for name in unset if name not in {*asked, *secrets, *checked}]
    if asked:
        named = ", ".join(f"'{name.lower()}'" for name in asked[:10])
        what = f"them: the parameters {named}" if len(asked) > 1 else f"it: the parameter {named}"
        findings.warn(
            min(unset[name] for name in asked),
            f"Nothing in this step sets {_variables(asked)}, so the plan asks for {what}.",
        )
    if secrets:
        findings.warn(
            min(unset[name] for name in secrets),
            f"Nothing in this step sets {_variables(secrets)}. Pass a password or key as a secret: with "
            f"{secrets[0]}: ${{{{ secrets.{secrets[0]} }}}} in an inputs block, the command reads it as $INPUT_{secrets[0]}.",
        )
    if others:
        them = "them" if len(others) > 1 else "it"
        findings.warn(
            min(unset[name] for name in others),
            f"Nothing in this step sets {_variables(others)}, so the shell reads {them} as empty. "
            "Pass values as inputs or parameters, or set them in the same block.",
        )


def _variables(names: list[str]) -> str:
    return ", ".join(f"${name}" for name in names[:10])


def _places(fence: Fence, session: Session | None, findings: Findings) -> list[tuple[int, int]]:
    """The line and column of each line that runs."""
    lines = fence.content.split("\n")
    indent = next((findings.column_of(fence.line + 1 + number, line) for number, line in enumerate(lines) if line), 0)
    inner = [(number, 0) for number in range(len(lines))] if session is None else session.places
    return [(fence.line + 1 + number, indent + column) for number, column in inner]


def _session(fence: Fence) -> Session | None:
    language = fence_options(fence).language
    return _read_session(fence.content, language in SESSIONS) if language in (*SHELLS, *SESSIONS, "") else None


# A block is asked several times in a row what it is.
@lru_cache(maxsize=16)
def _read_session(content: str, console: bool) -> Session | None:
    return read_session(content, console=console)


def _shell_of(language: str, content: str, settings: Settings) -> str | None:
    written_for_bash = settings.shell == "sh" and language in (*SHELLS, *SESSIONS, "") and needs_bash(content)
    if language == "bash" or _BASH_SHEBANG.match(content) or written_for_bash:
        return "bash"
    if language in (*SHELLS, *SESSIONS, ""):
        return settings.shell
    return None


def _command(shell: str, content: str, *, stops: bool) -> dict[str, Any]:
    if shell == "bash":
        return {"argv": [*(STRICT_BASH if stops else ("bash", "-c")), content]}
    if shell != "sh":
        return {"argv": [shell, *(["-e"] if stops else []), "-c", content]}
    return {"command": STRICT_SH + content if stops and needs_strict(content) else content}


def text_of(action: ActionSpec) -> str:
    """The script that an action runs, as its author wrote it. Empty if it runs none."""
    fields = action.fields()
    command, argv = fields.get("command"), fields.get("argv")
    text = argv[-1] if isinstance(argv, list) and argv else command
    return text.removeprefix(STRICT_SH) if action.type == "shell" and isinstance(text, str) else ""


def needs_strict(content: str) -> bool:
    """Whether a script has more than one command, so that it matters whether it stops at the first that fails."""
    return "\n" in content or ";" in content
