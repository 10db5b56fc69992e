"""A batch with a journal, in a process that others kill: `python -m tests.batch_process FOLDER SHOTS [CRASH]`.

CRASH is `before:N` or `after:N`: die by SIGKILL right before or right after the N-th commit of the journal.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from cometrunway import CometRunwayError, ImageToVideo, PollPolicy, RetryPolicy, Session, Shot
from cometrunway._journal._sqlite import SqliteStore

JOURNAL = "COMETRUNWAY_TEST_JOURNAL"
"""Names the journal of all batches, in place of one beside the files."""
SHARED: dict[str, Any] = {"journal": os.environ.get(JOURNAL), "journal_wait": 60, "max_creates": 4}
"""With it, each batch does only a part of the work."""
QUICK_POLLS = PollPolicy(first=0.4, floor=0.1, ceiling=0.6)
QUICK_RETRIES = RetryPolicy(attempts=3, ceiling=0.1)


def shots(folder: Path, count: int) -> list[Shot]:
    """Return so many shots, each of which makes a body that no other batch makes."""
    return [
        Shot(f"shot-{number:03}", ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=prompt))
        for number, prompt in ((number, f"{folder.name}/{number}") for number in range(count))
    ]


def die_around_a_commit(crash: str) -> None:
    """Arrange for a SIGKILL right before or right after the N-th commit."""
    moment, _, number = crash.partition(":")
    commit, left = SqliteStore.commit, int(number)

    def fatal(store: SqliteStore, operations: list[Any]) -> list[Any]:
        nonlocal left
        left -= 1
        if left == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        results = commit(store, operations)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return results

    SqliteStore.commit = fatal  # type: ignore[method-assign,assignment]  # this process is made to die


async def main(folder: Path, count: int) -> None:
    """Run the batch, as often before as it may have been cut short."""
    async with Session(
        output_dir=folder / "out",
        **(SHARED if SHARED["journal"] else {"journal": folder / "shots.db"}),
        poll=QUICK_POLLS,
        retry=QUICK_RETRIES,
    ) as runway:
        async for handle in runway.map(shots(folder, count)):
            try:
                await handle
            except CometRunwayError as error:
                print(handle.key, type(error).__name__, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        die_around_a_commit(sys.argv[3])
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
