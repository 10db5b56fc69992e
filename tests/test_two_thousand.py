"""Two thousand tasks through one session, against an emulator in another process that misbehaves."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cometrunway import ImageToVideo, PollPolicy, Session, Shot

TASKS = 2000
FAULTS = [
    "create:429=0.05",
    "poll:500=0.02",
    "poll:502=0.02",
    "poll:504=0.01",
    "poll:429=0.05",
    "poll:drop=0.03",
    "poll:reset=0.02",
    "asset:cut=0.02",
    "asset:unframed=0.02",
    "asset:short=0.01",
    "asset:502=0.05",
]


@pytest.fixture
def anyio_backend() -> str:
    """Real time, for the other process knows no other."""
    return "asyncio"


@pytest.fixture
def served() -> Iterator[dict[str, str]]:
    """Yield the one line that the emulator prints when it is ready."""
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    command = [sys.executable, "-m", "cometrunway", "emulator", "--median", "3", "--not-exist", "0.5", *faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


def told(served: dict[str, str], what: str) -> Any:
    """Ask the emulator for one of its books."""
    with urlopen(f"{served['base_url']}/__emulator__/{what}") as answer:  # noqa: S310 - our own process
        return json.load(answer)


async def test_two_thousand_tasks_all_finish(served: dict[str, str], tmp_path: Path) -> None:
    """All files are downloaded whole, no create is sent twice, and no credential reaches the asset origin."""
    shots = (
        Shot(f"shot-{number:04}", ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=str(number)))
        for number in range(TASKS)
    )
    polls = PollPolicy(first=2, floor=0.5, ceiling=6, per_second=1000)
    outcomes: Counter[str] = Counter()
    async with Session(
        served["api_key"], base_url=served["base_url"], output_dir=tmp_path, poll=polls, max_in_flight=TASKS
    ) as runway:
        async for handle in runway.map(shots):
            [asset] = await handle
            assert asset.path is not None
            outcomes[asset.path.suffix] += 1
    assert outcomes == {".mp4": TASKS}
    assert len(await asyncio.to_thread(os.listdir, tmp_path)) == TASKS
    books = await asyncio.to_thread(told, served, "ledger")
    assert books["creates"]["accepted"] == TASKS
    assert books["creates"]["repeats"] == books["creates"]["billed_twice"] == 0
    assert (await asyncio.to_thread(told, served, "leaks"))["count"] == 0
