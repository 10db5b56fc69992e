"""A session in a process of its own: `python -m tests.lifetime_process HOW FOLDER`.

HOW is `worker` (with a journal; closes at once on SIGTERM), `script` (without a journal, on the way when Ctrl-C comes),
`forks` (uses the session in a forked child) or `preloads` (makes it before the fork). Each says on standard output when
it is ready.
"""

import asyncio
import os
import signal
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

from cometrunway import PollPolicy, Session, TasksOwedError
from tests.samples import yawn

TASKS = 500


def fork() -> int:
    """Fork, as some servers do with threads around, which Python warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


async def worker(folder: Path) -> None:
    """Take up what the journal owes, or submit many tasks; leave at once when that is asked."""
    leave = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave.set)
    runway = Session(journal=folder / "shots.db", output_dir=folder / "out", journal_wait=30, poll=PollPolicy(first=2))
    print("opening", flush=True)
    await runway.open()
    print("open", time.monotonic(), flush=True)
    if not await runway.resume():
        await asyncio.gather(*(runway.submit(yawn(number), key=str(number)) for number in range(TASKS)))
    print("ready", len(runway.owed), flush=True)
    await leave.wait()
    await runway.close(wait=0)
    print("closed", time.monotonic(), len(runway.owed), flush=True)


async def script(folder: Path) -> None:
    """Wait for a task, as a script does."""
    async with Session(output_dir=folder / "out") as runway:
        handle = await runway.submit(yawn())
        print("ready", handle.token, flush=True)
        await handle


async def forks(folder: Path) -> None:
    """Try in a forked child what only the parent may do."""
    async with Session(output_dir=folder / "out") as runway:
        child = fork()
        if child == 0:
            try:
                runway.attach("task-1", route="image_to_video")
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        print("parent", len(runway.owed), flush=True)


def preloads(folder: Path) -> None:
    """Make one session, fork, and open it in both processes."""
    runway = Session(output_dir=folder / "out")

    async def submit() -> None:
        async with runway:
            await runway.submit(yawn(os.getpid()))
            os.write(1, b"submitted\n")  # one write, beside that of the other process
            await runway.close(wait=0)

    child = fork()
    with suppress(TasksOwedError):
        asyncio.run(submit())
    if child:
        os.waitpid(child, 0)


if __name__ == "__main__":
    how, where = sys.argv[1], Path(sys.argv[2])
    if how == "preloads":
        preloads(where)
    else:
        asyncio.run({"worker": worker, "script": script, "forks": forks}[how](where))
