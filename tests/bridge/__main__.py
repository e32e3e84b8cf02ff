"""Have one brief planned by whoever writes the answers: see README.md in this folder."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from tests.bridge.briefs import BRIEFS
from tests.bridge.conversation import Conversation, plan
from tests.bridge.server import Bridge
from tests.conftest import running_stack, running_temporal
from tests.model_server import model_server

# How long a person may take. It is the longest time that the settings allow a model.
_SECONDS = 60 * 60


async def hold(name: str, folder: Path) -> None:
    """Hold the conversation about one brief, and keep it."""
    folder.mkdir(parents=True)
    bridge = Bridge(folder)
    with tempfile.TemporaryDirectory() as data:
        async with model_server() as server, running_temporal() as temporal:
            server.answer_with(bridge.answer)
            settings: dict[str, Any] = {
                "model": "openai-chat:person",
                "model_base_url": f"{server.url}/v1",
                "model_timeout": _SECONDS,
            }
            async with running_stack(temporal, Path(data), **settings) as signoff:
                outcome = await plan(signoff, BRIEFS[name], seconds=_SECONDS)
    conversation = Conversation(answers=bridge.answers, characters=bridge.characters, outcome=outcome)
    print(outcome.outline or outcome.error)
    print(f"Kept in {conversation.write(name)}. Have somebody else fill in its score.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bridge", description=__doc__)
    parser.add_argument("brief", choices=sorted(BRIEFS), help="which brief is planned")
    parser.add_argument("--folder", type=Path, required=True, help="where requests and answers are exchanged as files")
    arguments = parser.parse_args()
    asyncio.run(hold(arguments.brief, arguments.folder / arguments.brief))


if __name__ == "__main__":
    main()
