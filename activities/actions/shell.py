"""The `shell` action: a command in the project's workspace."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field, field_validator, model_validator

from activities.actions.attempt_log import AttemptLog
from activities.actions.expectation import Expectation
from activities.actions.failing_line import FailingLine
from activities.actions.process import ExitStatus, GuardLostError, StartError, run_guarded
from activities.actions.shell_outputs import MAX_OUTPUT_BYTES, parse_outputs
from activities.actions.task_environment import checked_variables, environment
from activities.actions.workspace_paths import attempt_folder, inside, new_file, read_file, remove_file
from app.domain.actions import Action, Fields, Repeat, TaskContext, TaskFailed
from app.domain.patterns import MAX_PATTERN_LENGTH
from signoff.schemas.json_value import JsonObject

LAST_LINE_LENGTH = 200
MAX_REPEATS = 1000


def _unset() -> None:
    return None


class ShellFields(Fields):
    """A command to run. Exactly one of `command` and `argv` must be set."""

    command: str | None = Field(default=None, description="Shell script, which runs with `/bin/sh -c`.")
    argv: list[str] | None = Field(default=None, min_length=1, description="Program and arguments, without a shell.")
    cwd: str = Field(default=".", description="Working directory, relative to the workspace.")
    env: dict[str, str] = Field(default_factory=dict[str, str], description="Additional environment variables.")
    # A default in the schema would be compared with what older approvals froze, which lack these fields.
    expect: str | None = Field(
        default_factory=_unset,
        max_length=MAX_PATTERN_LENGTH,
        description="Text that the output must contain, or a regular expression (RE2) between slashes.",
    )
    every_seconds: float | None = Field(
        default_factory=_unset,
        ge=1,
        le=86_400,
        description="Repeats the command until it succeeds: seconds between attempts.",
    )
    until_seconds: float | None = Field(
        default_factory=_unset,
        ge=1,
        le=2_592_000,
        description="When to stop repeating: seconds since the first attempt. At most 1,000 attempts.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> ShellFields:
        if (self.command is None) == (self.argv is None):
            raise ValueError("set exactly one of command and argv")
        if not "".join(self.words[-1:] if self.command is not None else self.words[:1]).strip():
            raise ValueError("the command is empty")
        if any("\0" in text for text in [*self.words, self.cwd]):
            raise ValueError("a command cannot contain a NUL character")
        return self

    @model_validator(mode="after")
    def _bounded_repeat(self) -> ShellFields:
        if (self.every_seconds is None) != (self.until_seconds is None):
            raise ValueError("set every_seconds and until_seconds together, or neither")
        if self.every_seconds is not None and self.until_seconds is not None:
            if self.until_seconds < self.every_seconds:
                raise ValueError("until_seconds must not be less than every_seconds")
            if Repeat(self.every_seconds, self.until_seconds).retries > MAX_REPEATS:
                raise ValueError(
                    f"this is more than {MAX_REPEATS:,} attempts; raise every_seconds or lower until_seconds"
                )
        return self

    @field_validator("env")
    @classmethod
    def _names(cls, env: dict[str, str]) -> dict[str, str]:
        return checked_variables(env)

    @field_validator("expect")
    @classmethod
    def _expectation(cls, expect: str | None) -> str | None:
        if expect is not None:
            Expectation(expect)
        return expect

    @property
    def words(self) -> list[str]:
        """The program and its arguments."""
        return ["/bin/sh", "-c", self.command or ""] if self.argv is None else self.argv


class Shell(Action):
    """Runs a command. Its outputs are `stdout` (the last 64 KiB) and the values that it writes to `$SIGNOFF_OUTPUT`.
    It reads an input as `$INPUT_<NAME>`, in uppercase.

    Standard input is empty. The environment is new. Only PATH, time zone and locale come from the worker; see
    `task_environment`. When the command ends, its background processes are stopped.
    """

    type: ClassVar[str] = "shell"
    exit_code_of_success: ClassVar[int | None] = 0
    fields_model: ClassVar[type[BaseModel]] = ShellFields
    reads_project_name: ClassVar[bool] = False
    sends_requests: ClassVar[bool] = False
    one_of: ClassVar[tuple[str, ...]] = ("command", "argv")
    rare: ClassVar[tuple[str, ...]] = ("argv", "cwd", "env", "expect", "every_seconds", "until_seconds")

    @classmethod
    def repeat(cls, fields: JsonObject) -> Repeat | None:
        """As `every_seconds` and `until_seconds` say."""
        every, until = fields.get("every_seconds"), fields.get("until_seconds")
        if not isinstance(every, int | float) or not isinstance(until, int | float):
            return None
        return Repeat(every, until) if every and until else None

    @classmethod
    def default_retries(cls, fields: JsonObject) -> int:
        """The repetitions of a command that is repeated until it succeeds."""
        repeat = cls.repeat(fields)
        return 0 if repeat is None else repeat.retries

    async def run(self, context: TaskContext) -> JsonObject:
        """Run the command and return its outputs.

        Raises:
            TaskFailed: `exit_code`, `signal`, `command_not_found`, `not_started`, `bad_input`, `bad_output`,
                `unexpected_output`, `output_too_large`, `limit_reached`, `path_outside`, `unsafe_workspace` or `guard_lost`.
        """
        fields = ShellFields.model_validate(context.fields)
        cwd = inside(context.workspace, fields.cwd)
        output = _output_file(context)
        os.close(new_file(context.workspace, output))
        failing = FailingLine(context, fields.words)
        extra = fields.env if "BASH_ENV" in fields.env else {**fields.env, **failing.variables()}
        try:
            status = await run_guarded(
                fields.words,
                cwd=cwd,
                env=environment(context, extra, output),
                on_output=context.log.write,
                grace=context.kill_grace,
                sandbox=context.sandbox,
                limits=context.limits.model_dump(),
            )
        except StartError as error:
            raise _not_started(fields, error) from error
        except ValueError as error:
            raise TaskFailed(
                "bad_input", f"An input cannot be passed to the command: {error}.", retryable=False
            ) from error
        except GuardLostError as error:
            raise TaskFailed("guard_lost", "The process that guards the command was killed.") from error
        except OSError as error:
            raise TaskFailed("not_started", f"The command could not be started: {error.strerror}.") from error
        outputs = _outputs(context, status, _written(context), failing)
        if (
            fields.expect is not None
            and (why := Expectation(fields.expect).objection_to(str(outputs["stdout"]))) is not None
        ):
            raise TaskFailed("unexpected_output", why, outputs=outputs, exit_code=status.code)
        return outputs

    def left_over(self, context: TaskContext) -> JsonObject:
        """The output and the values that the command had written when it exceeded its time limit."""
        written = b""
        with contextlib.suppress(TaskFailed, OSError):
            written = _written(context)
        return _unfinished(context, written)


def _output_file(context: TaskContext) -> Path:
    return attempt_folder(context.workspace, context.task_id, context.attempt) / "output"


def _written(context: TaskContext) -> bytes:
    """Read what the command wrote to its outputs, with secrets masked, and remove the file."""
    output = _output_file(context)
    written = read_file(context.workspace, output, MAX_OUTPUT_BYTES + 1) or b""
    # The file may contain secrets. They are masked in the outputs that are stored.
    remove_file(context.workspace, output)
    # Masked before it is parsed. Otherwise, an error could quote part of a secret, which cannot be recognized.
    return context.log.masker.data(written) if isinstance(context.log, AttemptLog) else written


def _not_started(fields: ShellFields, error: StartError) -> TaskFailed:
    reason = os.strerror(error.number)
    if error.step == "chdir":
        return TaskFailed("not_started", f"The folder '{fields.cwd}' cannot be opened: {reason}.", retryable=False)
    if error.step == "sandbox":
        return TaskFailed("not_started", f"The sandbox could not be set up, so the command was not started: {reason}.")
    if error.number in {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENOEXEC}:
        message = f"The command '{fields.words[0]}' was not found or cannot be executed: {reason}."
        return TaskFailed("command_not_found", message, exit_code=127, retryable=False)
    if error.number == errno.E2BIG:
        message = "The command and its inputs exceed the system's size limit. Pass large values in a file."
        return TaskFailed("bad_input", message, retryable=False)
    return TaskFailed("not_started", f"The command could not be started: {reason}.")


def _stdout(context: TaskContext) -> str:
    # Only the attempt's own log can mask secrets. Any other log provides no stdout.
    return context.log.tail() if isinstance(context.log, AttemptLog) else ""


def _unfinished(context: TaskContext, written: bytes) -> JsonObject:
    outputs: JsonObject = {"stdout": _stdout(context)}
    # The way the command ended matters more than an error in a file that it may not have finished.
    with contextlib.suppress(TaskFailed):
        outputs |= parse_outputs(written)
    return outputs


def _outputs(context: TaskContext, status: ExitStatus, written: bytes, failing: FailingLine) -> JsonObject:
    """The outputs of a command that has ended. Raises TaskFailed if the command failed."""
    stdout = _stdout(context)
    if status.code == 0:
        return {"stdout": stdout, **parse_outputs(written)}
    outputs = _unfinished(context, written)
    last = stdout.rstrip().rpartition("\n")[2].strip()
    hint = (
        f" The output ends with: {last[:LAST_LINE_LENGTH]}{'…' if len(last) > LAST_LINE_LENGTH else ''}" if last else ""
    )
    if status.limit is not None:
        message = f"{context.limits.sentence(status.limit)}{hint}"
        raise TaskFailed("limit_reached", message, outputs=outputs, exit_code=status.code, retryable=False)
    if status.code is not None:
        line = failing.sentence(status.code)
        message = f"{line}.{hint}" if line else f"The command failed with exit code {status.code}.{hint}"
        raise TaskFailed("exit_code", message, outputs=outputs, exit_code=status.code)
    number = status.signal or 0
    message = f"The command was killed by {_signal_name(number)}.{hint}"
    raise TaskFailed("signal", message, outputs=outputs, exit_code=128 + number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
