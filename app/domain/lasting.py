"""Finds the tasks that do something that cannot be taken back: send, publish, pay, push or delete.

This is a help, not a proof, like `app.domain.dangers`: nobody can tell from a command what a program does internally. A command
that cannot be read counts, and so does a script whose name says what it does. For others, the plan says it with `on_crash`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.attributes import MEANS
from app.domain.danger_rules.rule import Step, words_in_order
from app.domain.dangers import dangers_of, scripts_of, steps_of
from app.domain.shell_syntax import MAX_SCRIPT_LENGTH
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import OnCrash

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_UNVERIFIED = "unverified_connection"
# The table: for each program, the calls that cannot be taken back, as words in this order. An empty call is any call.
_CALLS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("mail", "mailx", "s-nail", "mutt", "neomutt", "sendmail", "msmtp", "swaks"), ("",)),
    **dict.fromkeys(("ssh", "scp", "sftp", "ftp", "lftp", "nc", "ncat", "netcat", "telnet", "socat"), ("",)),
    **dict.fromkeys(("rm", "rmdir", "unlink", "shred", "dropdb", "dropuser"), ("",)),
    **dict.fromkeys(("ansible", "ansible-playbook", "fab", "cap", "eb", "heroku", "wrangler"), ("",)),
    **dict.fromkeys(("docker", "podman", "nerdctl", "buildah"), ("push", "rm", "rmi", "prune", "compose down")),
    **dict.fromkeys(("npm", "yarn", "pnpm"), ("publish", "unpublish", "deprecate", "dist-tag")),
    **dict.fromkeys(("poetry", "uv", "flit", "hatch"), ("publish",)),
    **dict.fromkeys(("terraform", "tofu", "terragrunt"), ("apply", "destroy", "import", "state rm")),
    **dict.fromkeys(("aws", "gcloud", "gsutil", "az", "doctl", "rclone"), ("",)),
    **dict.fromkeys(("fly", "flyctl", "vercel", "netlify", "firebase", "serverless", "sam", "cdk"), ("",)),
    "git": ("push", "send-email", "tag -d", "branch -d", "branch -D", "clean", "svn dcommit"),
    "hg": ("push",),
    "svn": ("commit", "ci", "delete", "rm"),
    "skopeo": ("copy", "delete", "sync"),
    "oras": ("push",),
    "helm": ("install", "upgrade", "uninstall", "rollback", "push", "delete"),
    "kubectl": ("",),
    "oc": ("",),
    "pulumi": ("up", "destroy"),
    "cargo": ("publish", "yank"),
    "twine": ("upload",),
    "gem": ("push", "yank"),
    "mvn": ("deploy", "release:perform"),
    "dotnet": ("nuget push", "nuget delete"),
    "gh": ("create", "merge", "close", "comment", "upload", "edit", "delete", "run", "set", "api"),
    "glab": ("create", "merge", "close", "note", "upload", "delete", "run", "set", "api"),
    "find": ("-delete", "-exec rm", "-execdir rm"),
    "stripe": ("",),
    "at": ("",),
}
_SENDING_OPTIONS: dict[str, tuple[str, ...]] = {
    "curl": (
        *("-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--data-ascii", "--json"),
        *("-F", "--form", "--form-string", "-T", "--upload-file", "-Q", "--quote", "--mail-rcpt"),
    ),
    "wget": ("--post-data", "--post-file", "--body-data", "--body-file"),
}
# Programs that only read, or write to files of the workspace, whatever their arguments are called.
_HARMLESS = frozenset(
    (
        "basename", "cat", "cd", "cmp", "column", "comm", "cp", "cut", "date", "diff", "dirname", "echo", "egrep",
        "env", "export", "expr", "false", "fgrep", "fold", "grep", "head", "jq", "less", "ls", "md5sum", "mkdir", "mv",
        "nl", "paste", "printf", "pwd", "read", "realpath", "seq", "set", "sha256sum", "sleep", "sort", "split", "stat",
        "tac", "tail", "tar", "tee", "test", "[", "[[", "touch", "tr", "true", "uniq", "wc", "yes"
    )
)  # fmt: skip
# Words in the name of a program, a script or a target that say what it does: `./deploy.sh`, `make publish`.
_TELLING = re.compile(
    r"(?<![a-z])(deploy|publish|unpublish|release|push|send|upload|e?mail|notify|post|pay|payment|charge|refund|transfer|submit"
    r"|announce|purge|delete|remove|destroy|drop|wipe|erase|uninstall)(?![a-z])",
    re.IGNORECASE,
)


def lasting_effect(action: JsonObject, on_crash: str) -> str | None:
    """What a task does that cannot be taken back, as the rest of a sentence that starts with the task. None if nothing is known.

    Args:
        action: the action of the task.
        on_crash: what happens if its worker is lost. A task that may not simply run again is one of these.
    """
    kind = action["type"]
    if on_crash != OnCrash.RERUN:
        return f"must not happen twice (on_crash is {on_crash})"
    if kind == "http":
        method = str(action.get("method") or "GET").upper()
        return None if method in _READING_METHODS else f"sends a {method} request"
    if kind not in MEANS:
        return f"has the action {kind}, which may send, publish or delete something"
    for danger in dangers_of(action):
        if danger.code != _UNVERIFIED:
            return danger.what
    return next(filter(None, map(_effect, _steps(action))), None) or _unreadable(action)


def _steps(action: JsonObject) -> Iterator[Step]:
    for text, script in scripts_of(action):
        yield from steps_of(script, text[:MAX_SCRIPT_LENGTH])


def _unreadable(action: JsonObject) -> str | None:
    complete = all(script.complete for _, script in scripts_of(action))
    return None if complete else "has commands that could not be read completely"


def _effect(step: Step) -> str | None:
    program, arguments = step.program, step.arguments
    if not program:
        return f"runs '{step.words[0].text[:80]}', which is known only at run time" if step.words else None
    called = f"runs '{' '.join([program, *arguments])[:80]}', which may not be undone"
    if program in _SENDING_OPTIONS or program in {"http", "https", "xh"}:
        return called if _sends(step) else None
    if program == "rsync":
        return called if step.has("--delete") or any(":" in argument for argument in arguments) else None
    if program in _CALLS:
        return called if any(words_in_order(arguments, call.split()) for call in _CALLS[program]) else None
    if program in _HARMLESS:
        return None
    return called if any(_TELLING.search(word) for word in [program, *arguments]) else None


def _sends(step: Step) -> bool:
    """Whether a program for requests sends anything but a request to read."""
    if step.program in _SENDING_OPTIONS:
        method = step.value_of("-X", "--request", "--method")
        reads = method is None or method.upper() in _READING_METHODS
        return not reads or any(_gives(argument, step.program) for argument in step.arguments)
    return any(argument.upper() in {"POST", "PUT", "PATCH", "DELETE"} or "=" in argument for argument in step.arguments)


def _gives(argument: str, program: str) -> bool:
    """Whether an argument is an option that sends a body, also with its value attached: `-dx=1`, `--data=x`."""
    for option in _SENDING_OPTIONS[program]:
        if argument == option or argument.startswith(f"{option}=" if option.startswith("--") else option):
            return True
    return False
