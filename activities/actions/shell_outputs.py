"""The file `$SIGNOFF_OUTPUT`, through which a command names its outputs.

One output a line, `name=value`; a text of several lines stands between `name<<WORD` and a line that is `WORD`.
(The syntax of GitHub Actions' `$GITHUB_OUTPUT`.)
"""

from __future__ import annotations

import re

from activities.actions.attempt_log import readable
from app.domain.actions import TaskFailed

MAX_OUTPUT_BYTES = 1024 * 1024
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,63})(=|<<)(.*)", re.DOTALL)


def parse_outputs(data: bytes) -> dict[str, str]:
    """The outputs in the file's content; of two with one name the later.

    Raises:
        TaskFailed: `output_too_large` over 1 MiB, `bad_output` with the number of the line that is not understood.
    """
    if len(data) > MAX_OUTPUT_BYTES:
        raise TaskFailed("output_too_large", "The command wrote more than 1 MiB to $SIGNOFF_OUTPUT.")
    outputs: dict[str, str] = {}
    lines = iter(enumerate(readable(data).split("\n"), start=1))
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
                raise TaskFailed("bad_output", f"Line {number} of $SIGNOFF_OUTPUT: no line '{value}' ends the text.")
            outputs[name] = "\n".join(text)
        else:
            outputs[name] = value
    return outputs
