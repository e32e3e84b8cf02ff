"""Parses the file `$SIGNOFF_OUTPUT`, to which a command writes its outputs.

Each line is one output, `name=value`. A text of several lines is written between `name<<WORD` and a line `WORD`. This is the
syntax of `$GITHUB_OUTPUT` in GitHub Actions. Lines may end with LF, CRLF or CR.
"""

from __future__ import annotations

import re

from activities.actions.attempt_log import readable
from app.domain.actions import TaskFailed
from app.domain.texts import normalized_text

MAX_OUTPUT_BYTES = 1024 * 1024
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,63})(=|<<)(.*)", re.DOTALL)


def parse_outputs(data: bytes) -> dict[str, str]:
    """Parse the outputs in the file's content. If a name appears twice, the last value is used.

    Raises:
        TaskFailed: `output_too_large`: over 1 MiB. `bad_output`: a line is not valid; the message has its number.
    """
    if len(data) > MAX_OUTPUT_BYTES:
        raise TaskFailed("output_too_large", "The command wrote more than 1 MiB to $SIGNOFF_OUTPUT.")
    outputs: dict[str, str] = {}
    lines = iter(enumerate(normalized_text(readable(data)).split("\n"), start=1))
    for number, line in lines:
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None or (match[2] == "<<" and not match[3]):
            raise TaskFailed(
                "bad_output",
                f"Line {number} of $SIGNOFF_OUTPUT is neither 'name=value' nor 'name<<WORD': {line[:100]!r}.",
            )
        name, value = match[1], match[3]
        if match[2] == "<<":
            text: list[str] = []
            for _, inner in lines:
                if inner == value:
                    break
                text.append(inner)
            else:
                raise TaskFailed(
                    "bad_output", f"Line {number} of $SIGNOFF_OUTPUT: the closing line '{value}' is missing."
                )
            outputs[name] = "\n".join(text)
        else:
            outputs[name] = value
    return outputs
