"""What a large journal costs to open, to look at, to go on with, and to write out: seconds and memory, by its size.

Journals of so many shots are made with SQL, for that is quick. Each command runs in a process of its own, the real one,
with its output thrown away; `seconds` are those of the whole process, but for `open` and `resume`, where they begin
after the imports; `cpu` is that of the whole process. `resume` ends once all that is owed is being polled.
"""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from cometrunway import Journal, Session
from cometrunway._cli._main import main as command
from tests.benchmarks import machine

SIZES = [1_000, 10_000, 100_000, 1_000_000]
OWED = 1_000
"""At most: a tenth of a small journal."""
KEY = "shot-0000500"
_REQUEST = {
    "route": "image_to_video",
    "prompt_image": "https://example.com/cat.jpg",
    "prompt_text": "a cat that yawns slowly in the light of the morning, seen from the window",
    "model": "gen3a_turbo",
    "duration": 5,
    "ratio": "1280:768",
}
_FILL = """
WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < :shots)
INSERT INTO submission (key, route, fingerprint, request, state, task_id, submitted_at, created_at, ended_at,
                        delivered_at, failure, assets)
SELECT printf('shot-%07d', i), 'image_to_video', lower(hex(randomblob(32))), :request,
    CASE WHEN i % :owed = 0 THEN 'accepted' WHEN i % 500 = 1 THEN 'failed' WHEN i % 5000 = 2 THEN 'in_doubt'
         ELSE 'delivered' END,
    CASE WHEN i % 5000 = 2 THEN NULL ELSE lower(hex(randomblob(16))) END,
    1.7e9 + i, 1.7e9 + i + 1, CASE WHEN i % :owed = 0 THEN NULL ELSE 1.7e9 + i + 60 END, 1.7e9 + i + 61,
    CASE WHEN i % 500 = 1 THEN '{"message": "it failed", "code": "INTERNAL.BAD_OUTPUT"}' END,
    CASE WHEN i % :owed = 0 OR i % 500 = 1 OR i % 5000 = 2 THEN '[]' ELSE json_array(json_object(
        'url', 'https://example.com/assets/' || i || '/output.mp4', 'path', printf('shot-%07d.mp4', i), 'folder', 1,
        'media_type', 'video/mp4', 'size', 1000000 + i, 'sha256', lower(hex(randomblob(32))))) END
FROM counted
"""


async def made(path: Path, shots: int) -> None:
    """Make a journal of so many shots."""
    async with Journal(path, output_dir=path.parent / "out"):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        values = {"shots": shots, "owed": max(10, shots // OWED), "request": json.dumps(_REQUEST)}
        database.execute(_FILL, values)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def opened(path: Path) -> float:
    """Open a journal as a session does; return the seconds."""
    begun = time.perf_counter()
    async with Journal(path):
        return time.perf_counter() - begun


async def resumed(path: Path) -> float:
    """Take up all that is owed, at a server that is not there; return the seconds."""
    seconds = 0.0
    with suppress(KeyError):
        begun = time.perf_counter()
        async with Session("sk-none", base_url="http://127.0.0.1:9", journal=path, output_dir=None) as runway:
            assert await runway.resume()
            seconds = time.perf_counter() - begun
            raise KeyError
    return seconds


async def found(path: Path) -> float:
    """Find one shot by its key, as a session that is open does; return the seconds."""
    async with Journal(path) as journal:
        begun = time.perf_counter()
        assert await journal.find(KEY)
        return time.perf_counter() - begun


INSIDE: dict[str, Callable[[Path], Any]] = {"open": opened, "resume": resumed, "find": found}
COMMANDS = {
    "status": ["status"],
    "export": ["export"],
    "export as CSV": ["export", "--format", "csv"],
    "check": ["check"],
    "gallery": ["gallery", "-o", "gallery.html"],
}
"""What they write is written into the journal's folder."""


def inside(what: str, path: Path) -> None:
    """Do one thing in this process, and print what it took to standard error."""
    begun = time.perf_counter()
    os.chdir(path.parent)
    if what in INSIDE:
        seconds = asyncio.run(INSIDE[what](path))
    else:
        name, *options = COMMANDS[what]
        assert command([name, str(path), *options]) == 0
        sys.stdout.flush()
        seconds = time.perf_counter() - begun
    figures = {"seconds": seconds, "cpu": time.process_time(), "memory": machine.peak_memory()}
    print(json.dumps(figures), file=sys.stderr)


def one(what: str, path: Path) -> dict[str, Any]:
    """Do one thing in a process of its own; return its seconds and its memory."""
    begun = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.million", what, str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    whole = time.perf_counter() - begun
    figures: dict[str, Any] = json.loads(process.stderr.splitlines()[-1])
    return {**figures, "seconds": figures["seconds"] if what in INSIDE else whole}


def measure(*, runs: int, sizes: Iterable[int] = SIZES) -> list[dict[str, Any]]:
    """Return what each thing costs with a journal of each size, run after run."""
    return [row for shots in sizes for row in _with_a_journal_of(shots, runs)]


def _with_a_journal_of(shots: int, runs: int) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shots.db"
        asyncio.run(made(path, shots))
        size = path.stat().st_size
        for what in (*INSIDE, *COMMANDS):
            for _ in range(runs):
                yield {"what": what, "shots": shots, "size": size, **one(what, path)}


if __name__ == "__main__":
    if len(sys.argv) == 3:
        inside(sys.argv[1], Path(sys.argv[2]))
    else:
        for shots in map(int, sys.argv[1:]) if len(sys.argv) > 1 else SIZES:
            for row in _with_a_journal_of(shots, 1):
                print(json.dumps(row), flush=True)
