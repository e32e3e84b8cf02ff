"""Parses shell commands: which programs a text starts, with which words, redirections and pipes.

Pure, deterministic and bounded: nothing is run, expanded or looked up. The parser never guesses: it reports text that it
cannot read (`Script.complete`). It uses the grammar of bash, which covers `/bin/sh`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from app.domain.shell_words import SHELLS, Word, effective, nested_script, script_position, word_of

# Text beyond this length is not read.
MAX_SCRIPT_LENGTH = 20_000
# The parser's error recovery takes quadratic time and memory, and cannot be interrupted. 4,000 characters take at most half a
# second and 80 MB. A longer text is read in pieces, cut at line ends.
MAX_WHOLE_LENGTH = 4_000
MAX_PIECE_LENGTH = 1_000
# Limits the nesting of `sh -c "sh -c …"` and of text in `${name:-…}`.
DEEPEST_SCRIPT = 5
_BASH = Language(tree_sitter_bash.language())
_SUBSTITUTIONS = {"command_substitution": "$()", "process_substitution": "<()"}
_GROUPS = {"subshell": "()", "function_definition": "function", "while_statement": "loop", "for_statement": "loop"}
_COMMANDS = frozenset({"command", "declaration_command", "unset_command", "test_command", "variable_assignment"})
_REDIRECTIONS = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
_HERE = frozenset({"<<", "<<-", "<<<"})
_PIPES = frozenset({"|", "|&"})
_QUOTED = re.compile(r"[\\'\"]")
_EXPANDED = re.compile(r"[$`\\]")


@dataclass(frozen=True)
class Redirection:
    """A redirection such as `2>file`: the operator as written, the descriptor if there is one, and the target.

    The target of `<<` is the text of the here-document.
    """

    operator: str
    target: Word
    descriptor: str | None = None


@dataclass(frozen=True)
class Command:
    """One simple command.

    Attributes:
        words: the program and its arguments, as written; empty for assignments alone.
        assignments: each `NAME=value` before it or on its own; arrays have no static value.
        redirections: its own, and those of the groups around it.
        inside: the groups around it, outermost first: `()`, `$()`, `<()`, `function`, `loop`, `sh -c`,
            `sh <<` (a here-document that a shell reads), `eval`.
        parent: the index of the command whose words or input contain it, for all groups except `()`,
            `function` and `loop`; None if the target of a redirection contains it.
        stages: the number of each pipeline that contains it, with its position there; outermost first.
    """

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...] = ()
    redirections: tuple[Redirection, ...] = ()
    inside: tuple[str, ...] = ()
    parent: int | None = None
    stages: tuple[tuple[int, int], ...] = ()

    @property
    def effective(self) -> tuple[Word, ...]:
        """The words without `sudo`, `env A=b`, `timeout 5` and other programs that only start the next one."""
        return effective(self.words)

    @property
    def program(self) -> str | None:
        """The last part of the effective program's name. None if it is not static, or if there is no program."""
        words = self.effective
        return words[0].value.rpartition("/")[2] if words and words[0].value is not None else None

    def feeds(self, other: Command) -> bool:
        """Whether the output of this command reaches `other` through pipes."""
        places = dict(other.stages)
        return any(number in places and stage < places[number] for number, stage in self.stages)


@dataclass(frozen=True)
class Script:
    """The commands of a text, in the order in which they start. Commands of nested scripts come last.

    `complete` is False if part of the text could not be read. In that case, the absence of a command proves nothing.
    """

    commands: tuple[Command, ...]
    complete: bool

    def inputs_of(self, command: Command) -> Iterator[Command]:
        """The commands whose output reaches `command` through pipes."""
        return (other for other in self.commands if other.feeds(command))


@dataclass(frozen=True)
class _Context:
    inside: tuple[str, ...] = ()
    parent: int | None = None
    stages: tuple[tuple[int, int], ...] = ()
    redirections: tuple[Redirection, ...] = ()
    # Arguments after a redirection: `sh > log build.sh`.
    words: tuple[Word, ...] = ()

    def within(self, kind: str, parent: int | None = None) -> _Context:
        """The context inside a group. With `parent`, the context inside a word of that command, with separate pipes."""
        if parent is None:
            return _Context((*self.inside, kind), self.parent, self.stages, self.redirections)
        return _Context((*self.inside, kind), parent)

    def staged(self, number: int, stage: int) -> _Context:
        return _Context(self.inside, self.parent, (*self.stages, (number, stage)), self.redirections)

    def redirected(self, more: tuple[Redirection, ...], words: tuple[Word, ...]) -> _Context:
        return _Context(self.inside, self.parent, self.stages, (*self.redirections, *more), words)


def parse(text: str) -> Script:
    """Parse a script. It takes at most about a second for any text."""
    reader = _Reader()
    reader.read(text)
    return Script(tuple(reader.commands), reader.complete)


def parse_argv(argv: list[str]) -> Script:
    """Parse a command without a shell. Its words are static. A script in it (`["sh", "-c", "…"]`) is parsed too."""
    reader = _Reader()
    reader.add(Command(tuple(Word(text, text) for text in argv)), depth=0)
    reader.drain()
    return Script(tuple(reader.commands), reader.complete)


class _Reader:
    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.complete = True
        self._pipelines = 0
        self._left = MAX_SCRIPT_LENGTH * DEEPEST_SCRIPT
        self._waiting: list[tuple[str, _Context, int]] = []

    def read(self, text: str) -> None:
        self._waiting.append((text, _Context(), 0))
        self.drain()

    def drain(self) -> None:
        """Read the waiting scripts, and the scripts nested in them."""
        while self._waiting:
            text, context, depth = self._waiting.pop(0)
            if depth > DEEPEST_SCRIPT or len(text) > min(MAX_SCRIPT_LENGTH, self._left) or "\0" in text:
                self.complete = False
                text = text[: min(MAX_SCRIPT_LENGTH, max(self._left, 0))].replace("\0", " ")
            if depth > DEEPEST_SCRIPT:
                continue
            self._left -= len(text)
            for piece in _pieces(text):
                self._read_piece(piece, context, depth)

    def add(self, command: Command, depth: int) -> None:
        """Store a command, and queue the script that one of its words may contain."""
        self.commands.append(command)
        nested = nested_script(command.effective) or _script_on_input(command)
        if nested is not None:
            kind, text = nested
            inner = _Context((*command.inside, kind), len(self.commands) - 1, command.stages)
            self._waiting.append((text, inner, depth + 1))

    def _read_piece(self, text: str, context: _Context, depth: int) -> None:
        source = text.encode("utf-8", "replace")
        root = Parser(_BASH).parse(source).root_node
        if root.has_error:
            self.complete = False
        # An explicit stack: a text may be nested more deeply than Python's recursion limit allows.
        stack: list[tuple[Node, _Context]] = [(root, context)]
        while stack:
            node, where = stack.pop()
            stack.extend(reversed(self._visit(node, where, depth)))

    def _visit(self, node: Node, context: _Context, depth: int) -> list[tuple[Node, _Context]]:
        """Process one node, and return the nodes below it that must be visited."""
        kind = node.type
        if kind in _COMMANDS:
            return self._command(node, context, depth)
        if kind == "pipeline":
            return self._pipeline(node.children, context)
        if kind == "redirected_statement":
            return self._redirected(node, context)
        if kind in _SUBSTITUTIONS:
            context = context.within(_SUBSTITUTIONS[kind], context.parent)
        elif kind in _GROUPS:
            context = context.within(_GROUPS[kind])
        elif not node.children and kind == "word" and "`" in _text(node):
            # The parser treats the text in ${name:-…} as one word.
            self._waiting.append((_text(node), context, depth + 1))
        return [(child, context) for child in node.children]

    def _command(self, node: Node, context: _Context, depth: int) -> list[tuple[Node, _Context]]:
        index = len(self.commands)
        words: list[Word] = []
        assignments: list[tuple[str, Word]] = []
        redirections: list[Redirection] = []
        below: list[Node] = []
        parts = [node] if node.type == "variable_assignment" else node.children
        for part in parts:
            if part.type in _REDIRECTIONS:
                redirections.append(_redirection(part))
                words += _words_behind(part)
                below += part.children
            elif part.type == "variable_assignment":
                assignments.append(_assignment(part))
                below += part.children
            else:
                words += map(word_of, _operands(part))
                below.append(part)
        every = (*redirections, *context.redirections)
        words += context.words
        command = Command(tuple(words), tuple(assignments), every, context.inside, context.parent, context.stages)
        self.add(command, depth)
        inner = _Context(context.inside, index)
        return [(part, inner) for part in below]

    def _pipeline(
        self, parts: list[Node], context: _Context, *, number: int | None = None, stage: int = 0
    ) -> list[tuple[Node, _Context]]:
        if number is None:
            number, self._pipelines = self._pipelines, self._pipelines + 1
        below: list[tuple[Node, _Context]] = []
        for part in parts:
            if part.type in _PIPES:
                stage += 1
            else:
                below.append((part, context.staged(number, stage)))
        return below

    def _redirected(self, node: Node, context: _Context) -> list[tuple[Node, _Context]]:
        body = node.child_by_field_name("body")
        redirections: list[Redirection] = []
        after: list[Node] = []
        for part in node.children:
            if part.type in _REDIRECTIONS:
                # In the syntax tree, redirections after `<<END` are children of the here-document.
                redirections += map(
                    _redirection, [part, *(item for item in part.children if item.type in _REDIRECTIONS)]
                )
                after += [item for item in part.children if item.type not in _REDIRECTIONS]
        piped = [item for item in after if item.type == "pipeline"]
        others = [(item, context) for item in after if item.type != "pipeline"]
        if piped:
            # `cat <<END | sh`: the rest of the pipeline is a child of the here-document.
            number, self._pipelines = self._pipelines, self._pipelines + 1
            rest = self._pipeline(piped[0].children, context, number=number)
            first = context.staged(number, 0)
        else:
            rest, first = [], context
        if body is None:
            # `> file` without a command truncates the file.
            every = (*redirections, *context.redirections)
            self.commands.append(Command((), (), every, first.inside, first.parent, first.stages))
            return [*others, *rest]
        parts = [item for part in node.children for item in (part, *part.children) if item.type == "file_redirect"]
        behind = tuple(word for part in parts for word in _words_behind(part))
        return [*self._body(body, first, tuple(redirections), behind), *others, *rest]

    def _body(
        self, body: Node, context: _Context, more: tuple[Redirection, ...], behind: tuple[Word, ...]
    ) -> list[tuple[Node, _Context]]:
        """Visit a redirected body. Both `a | b > file` and `a && b > file` redirect only `b`."""
        if body.type not in {"pipeline", "list"} or not body.children:
            return [(body, context.redirected(more, behind))]
        if body.type == "pipeline":
            below = self._pipeline(body.children, context)
        else:
            below = [(child, context) for child in body.children]
        last, where = below[-1]
        return [*below[:-1], (last, where.redirected(more, behind))]


def _script_on_input(command: Command) -> tuple[str, str] | None:
    """The script that a shell reads from a here-document."""
    words = command.effective
    if command.program not in SHELLS or script_position(words) is not None:
        return None
    texts = (item.target.value for item in command.redirections if item.operator in _HERE)
    return next((("sh <<", text) for text in texts if text is not None), None)


def _pieces(text: str) -> Iterator[str]:
    """Split `text` into pieces short enough to parse, at line ends if possible."""
    start = 0
    if len(text) <= MAX_WHOLE_LENGTH:
        yield text
        return
    while len(text) - start > MAX_PIECE_LENGTH:
        end = text.rfind("\n", start, start + MAX_PIECE_LENGTH) + 1 or start + MAX_PIECE_LENGTH
        yield text[start:end]
        start = end
    yield text[start:]


def _redirection(node: Node) -> Redirection:
    descriptor: str | None = None
    operator, target, quoted = "", Word("", None), False
    for child in node.children:
        if child.type == "file_descriptor":
            descriptor = _text(child)
        elif child.type == "heredoc_start":
            quoted = _QUOTED.search(_text(child)) is not None
        elif child.type == "heredoc_body":
            text = _text(child)
            target = Word(text, text if quoted or not _EXPANDED.search(text) else None)
        elif not operator and child.type.startswith(("<", ">", "&")):
            operator = child.type
        elif node.type != "heredoc_redirect" and not target.text:
            target = word_of(child)
    return Redirection(operator, target, descriptor)


def _words_behind(node: Node) -> list[Word]:
    """Arguments after a redirection. In `> file a b`, all three are targets in the grammar, but `a` and `b` are arguments."""
    return [word_of(child) for child in node.children_by_field_name("destination")[1:]]


def _operands(node: Node) -> Iterator[Node]:
    """The words of one part of a command: that part itself, or the expressions in `[ … ]` and `[[ … ]]`."""
    stack = [node]
    while stack:
        part = stack.pop()
        if part.type.endswith("_expression") and part.children:
            stack.extend(reversed(part.children))
        else:
            yield part


def _assignment(node: Node) -> tuple[str, Word]:
    value = node.child_by_field_name("value")
    name = node.child_by_field_name("name")
    return _text(name) if name is not None else "", word_of(value) if value is not None else Word("", "")


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
