"""The `shell` action: a command in the project's workspace."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field, field_validator, model_validator

from activities.actions.attempt_log import AttemptLog
from activities.actions.process import ExitStatus, GuardLostError, StartError, run_guarded
from activities.actions.shell_outputs import MAX_OUTPUT_BYTES, parse_outputs
from activities.actions.task_environment import environment
from activities.actions.workspace_paths import attempt_folder, inside, new_file, read_file, remove_file
from app.domain.actions import Action, Fields, TaskContext, TaskFailed

LAST_LINE_LENGTH = 200


class ShellFields(Fields):
    """Exactly one of `command` and `argv`."""

    command: str | None = Field(default=None, description="Text that `/bin/sh -c` runs.")
    argv: list[str] | None = Field(default=None, min_length=1, description="Program and arguments, without a shell.")
    cwd: str = Field(default=".", description="Folder to run in, relative to the workspace.")
    env: dict[str, str] = Field(default_factory=dict[str, str], description="Further environment variables.")

    @model_validator(mode="after")
    def _one_way(self) -> ShellFields:
        if (self.command is None) == (self.argv is None):
            raise ValueError("give exactly one of command and argv")
        if not "".join(self.words[-1:] if self.command is not None else self.words[:1]).strip():
            raise ValueError("the command is empty")
        if any("\0" in text for text in [*self.words, self.cwd]):
            raise ValueError("a command cannot hold a NUL character")
        return self

    @field_validator("env")
    @classmethod
    def _names(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if not name or "=" in name or "\0" in name + value:
                raise ValueError(f"'{name}' cannot be an environment variable")
            if name.startswith(("SIGNOFF_", "INPUT_")):
                raise ValueError(f"'{name}' is Signoff's own: names do not start with SIGNOFF_ or INPUT_")
        return env

    @property
    def words(self) -> list[str]:
        """Program and arguments."""
        return ["/bin/sh", "-c", self.command or ""] if self.argv is None else self.argv


class Shell(Action):
    """Runs a command; its outputs are `stdout` (the last 64 KiB it printed) and what it writes to `$SIGNOFF_OUTPUT`.

    Standard input is empty. The environment is new, with nothing of the worker's but its PATH, time zone and locale: see
    `task_environment`. When the command ends, processes that it left in the background are stopped.
    """

    type: ClassVar[str] = "shell"
    exit_code_of_success: ClassVar[int | None] = 0
    fields_model: ClassVar[type[BaseModel]] = ShellFields
    reads_project_name: ClassVar[bool] = False
    sends_requests: ClassVar[bool] = False
    one_of: ClassVar[tuple[str, ...]] = ("command", "argv")
    rare: ClassVar[tuple[str, ...]] = ("argv", "cwd", "env")

    async def run(self, context: TaskContext) -> dict[str, Any]:
        """Run the command and return its outputs.

        Raises:
            TaskFailed: `exit_code`, `signal`, `command_not_found`, `not_started`, `bad_input`, `bad_output`,
                `output_too_large`, `limit_reached`, `path_outside`, `unsafe_workspace` or `guard_lost`.
        """
        fields = ShellFields.model_validate(context.fields)
        cwd = inside(context.workspace, fields.cwd)
        output = _output_file(context)
        os.close(new_file(context.workspace, output))
        try:
            status = await run_guarded(
                fields.words,
                cwd=cwd,
                env=environment(context, fields.env, output),
                on_output=context.log.write,
                grace=context.kill_grace,
                sandbox=context.sandbox,
                limits=context.limits.model_dump(),
            )
        except StartError as error:
            raise _not_started(fields, error) from error
        except ValueError as error:
            raise TaskFailed(
                "bad_input", f"An input cannot be handed to a command: {error}.", retryable=False
            ) from error
        except GuardLostError as error:
            raise TaskFailed("guard_lost", "The process that watches over the command was killed.") from error
        except OSError as error:
            raise TaskFailed("not_started", f"The command could not be started: {error.strerror}.") from error
        return _outputs(context, status, _written(context))

    def left_over(self, context: TaskContext) -> dict[str, Any]:
        """What the command had printed and written to its outputs when its time was over."""
        written = b""
        with contextlib.suppress(TaskFailed, OSError):
            written = _written(context)
        return _unfinished(context, written)


def _output_file(context: TaskContext) -> Path:
    return attempt_folder(context.workspace, context.task_id, context.attempt) / "output"


def _written(context: TaskContext) -> bytes:
    """What the command wrote to its outputs, without secrets; the file is gone then."""
    output = _output_file(context)
    written = read_file(context.workspace, output, MAX_OUTPUT_BYTES + 1) or b""
    # It may hold secrets, which are masked in what is kept of it.
    remove_file(context.workspace, output)
    # Masked before it is read, so that an error does not quote a part of a secret that nothing would recognize.
    return context.log.masker.data(written) if isinstance(context.log, AttemptLog) else written


def _not_started(fields: ShellFields, error: StartError) -> TaskFailed:
    reason = os.strerror(error.number)
    if error.step == "chdir":
        return TaskFailed("not_started", f"The folder '{fields.cwd}' cannot be entered: {reason}.", retryable=False)
    if error.step == "sandbox":
        return TaskFailed("not_started", f"The command cannot be confined, so it was not started: {reason}.")
    if error.number in {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENOEXEC}:
        message = f"The command '{fields.words[0]}' was not found or cannot be run: {reason}."
        return TaskFailed("command_not_found", message, exit_code=127, retryable=False)
    if error.number == errno.E2BIG:
        message = "The command and its inputs are larger than the system takes; pass large values through a file."
        return TaskFailed("bad_input", message, retryable=False)
    return TaskFailed("not_started", f"The command could not be started: {reason}.")


def _stdout(context: TaskContext) -> str:
    # Only the attempt's own log knows what must be masked; any other one gives no stdout.
    return context.log.tail() if isinstance(context.log, AttemptLog) else ""


def _unfinished(context: TaskContext, written: bytes) -> dict[str, Any]:
    outputs: dict[str, Any] = {"stdout": _stdout(context)}
    # How the command ended says more than what is wrong with a file that it may not have finished.
    with contextlib.suppress(TaskFailed):
        outputs |= parse_outputs(written)
    return outputs


def _outputs(context: TaskContext, status: ExitStatus, written: bytes) -> dict[str, Any]:
    """What a command that has ended produced; raises where it did not end well."""
    stdout = _stdout(context)
    if status.code == 0:
        return {"stdout": stdout} | parse_outputs(written)
    outputs = _unfinished(context, written)
    last = stdout.rstrip().rpartition("\n")[2].strip()
    hint = f" Its last line: {last[:LAST_LINE_LENGTH]}{'…' if len(last) > LAST_LINE_LENGTH else ''}" if last else ""
    if status.limit is not None:
        message = f"{context.limits.sentence(status.limit)}{hint}"
        raise TaskFailed("limit_reached", message, outputs=outputs, exit_code=status.code, retryable=False)
    if status.code is not None:
        message = f"The command ended with exit code {status.code}.{hint}"
        raise TaskFailed("exit_code", message, outputs=outputs, exit_code=status.code)
    number = status.signal or 0
    message = f"The command was ended by {_signal_name(number)}.{hint}"
    raise TaskFailed("signal", message, outputs=outputs, exit_code=128 + number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
