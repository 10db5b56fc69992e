"""A batch in a process of its own, which tells what it leaves: `python -m tests.real_faults.client FOLDER SHOTS`.

It prints `begun` when its first create is accepted, `half` when half of its shots are, and at the end JSON: the errors
by key, and what is open that was not before. While FOLDER has a file `no-names`, no host name is known.
"""

import asyncio
import gc
import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from cometrunway import CometRunwayError, Event, EventKind, PollPolicy, RetryPolicy, Session
from tests.batch_process import shots

POLLS = PollPolicy(first=0.5, floor=0.2, ceiling=1.0)


def without_names(flag: Path) -> None:
    """Let every look-up of a name fail while a file is there."""
    look_up = socket.getaddrinfo

    def looked_up(host: Any, *arguments: Any, **options: Any) -> Any:
        if flag.exists() and not str(host)[0].isdigit():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up(host, *arguments, **options)

    socket.getaddrinfo = looked_up


def opened() -> dict[str, int]:
    """Return what this process has open or running."""
    gc.collect()
    names = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    counted = [name for name in names if name.startswith(("socket:", "/")) and not name.startswith(("/proc", "/dev"))]
    return {"files": len(counted), "threads": threading.active_count(), "tasks": len(asyncio.all_tasks())}


async def batch(folder: Path, count: int) -> dict[str, Any]:
    """Run it; return what the process tells."""
    accepted, errors = 0, {}

    def on_event(event: Event) -> None:
        nonlocal accepted
        if event.kind is EventKind.SUBMITTED:
            accepted += 1
            said = {1: "begun", count // 2: "half"}.get(accepted)
            if said:
                print(said, flush=True)

    before = opened()
    async with Session(
        output_dir=folder / "out",
        journal=folder / "shots.db",
        poll=POLLS,
        retry=RetryPolicy(attempts=12, ceiling=15.0),
        max_creates=8,
        on_event=on_event,
    ) as runway:
        async for handle in runway.map(shots(folder, count)):
            try:
                await handle
            except CometRunwayError as error:
                errors[str(handle.key)] = f"{type(error).__name__}: {error}"
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0.1)
    after = opened()
    left = {name: number - before[name] for name, number in after.items() if number > before[name]}
    return {"errors": errors, "left": left}


if __name__ == "__main__":
    without_names(Path(sys.argv[1], "no-names"))
    print(json.dumps(asyncio.run(batch(Path(sys.argv[1]), int(sys.argv[2])))))
