"""The command of a worker of a fleet: `worker`."""

import argparse
import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

from cometrunway._batch._event_log import EventLog
from cometrunway._cli._commands import (
    Commands,
    add_base_url,
    add_command,
    add_network,
    add_provider,
    add_template,
    journal,
    path,
    positive,
    session_options,
    whole,
)
from cometrunway._cli._fleet import fleet_type
from cometrunway._events import Event, EventKind
from cometrunway._terminal import say

_STOPS = (signal.SIGTERM, signal.SIGINT)


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command."""
    worker = add_command(
        commands,
        "worker",
        _work,
        summary="run a worker of a fleet, which submits queued shots",
        details="Take shots from the queue of a fleet, submit them, poll their tasks and download their files, until "
        "SIGTERM or Ctrl-C. Then other workers take over the unfinished tasks: nothing is lost, and nothing is paid "
        "for twice.",
        example="COMETAPI_KEY=sk-... cometrunway worker --dsn postgresql://worker@db.example.com/shop",
    )
    worker.add_argument(
        "--dsn", type=journal, required=True, metavar="URL", help="the database: postgresql://user@host/database"
    )
    worker.add_argument("--name", metavar="NAME", help="the name in `fleet status`; default: the host and the process")
    worker.add_argument("--max-in-flight", type=whole(1), default=1000, metavar="N", help="unfinished tasks (1000)")
    worker.add_argument("--polls-per-second", type=positive, metavar="N", help="polls per second of this worker (250)")
    worker.add_argument("--json", action="store_true", help="one event per line on standard output")
    worker.add_argument(
        "--output-dir",
        type=_folder_or_bucket,
        default=Path("outputs"),
        metavar="DIR",
        help="a folder, or a bucket as s3://bucket/prefix; default: outputs",
    )
    add_template(worker)
    add_provider(worker)
    add_base_url(worker)
    add_network(worker)


def _folder_or_bucket(text: str) -> Path | str:
    return text if "://" in text else path(text)


def _work(options: argparse.Namespace) -> int:
    return asyncio.run(_working(options))


async def _working(options: argparse.Namespace) -> int:
    counts: Counter[EventKind] = Counter()
    log = EventLog(sys.stdout) if options.json else None

    def observe(event: Event) -> None:
        counts[event.kind] += 1
        if log is not None:
            log.on_event(event)

    stopped = asyncio.Event()
    for number in _STOPS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    given = session_options(options)
    fleet = fleet_type()(options.dsn, provider=given.pop("provider"))
    async with fleet.working(name=options.name, on_event=observe, **given) as session:
        say(f"waiting for shots of {options.dsn}", sys.stderr)
        await stopped.wait()
        owed = len(session.owed)
    say(
        f"{counts[EventKind.SUBMITTED]} submitted, {counts[EventKind.DOWNLOADED]} downloaded, "
        f"{counts[EventKind.FAILED]} failed; {owed} left to other workers",
        sys.stderr,
    )
    return 0
