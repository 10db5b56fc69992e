"""The commands that run a batch: `run`, `resume`, `demo`."""

import argparse
import asyncio
import sys
from importlib.resources import as_file, files
from pathlib import Path

from cometrunway._batch import BatchRun, read_shots
from cometrunway._cli._commands import Commands, add_base_url, add_command, add_journal, add_output_dir
from cometrunway._journal_report import JournalReport
from cometrunway.progress import new_board

_DEMO = files("cometrunway") / "demo"
_MEANT_TO_FAIL = ["fails-on-purpose"]
INTERRUPTED = 130


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    demo = add_command(
        commands,
        "demo",
        _demo,
        summary="run a batch against a built-in server; needs no key and costs nothing",
        example="cometrunway demo",
    )
    add_output_dir(demo)
    _add_run(commands)
    resume = add_command(
        commands,
        "resume",
        _resume,
        summary="finish what a journal owes",
        details="Wait for every task that was paid for, and download what is not on disk. Submits nothing.",
        example="COMETAPI_KEY=sk-... cometrunway resume shots.db",
    )
    add_journal(resume)
    add_base_url(resume)
    add_output_dir(resume)


def _add_run(commands: "Commands[argparse.ArgumentParser]") -> None:
    run = add_command(
        commands,
        "run",
        _run,
        summary="run a batch file",
        details="Submit every shot of a JSON Lines file, wait for all, and download what they made. With a journal, "
        "the same command run again finishes what is left, and pays for nothing twice.",
        example="COMETAPI_KEY=sk-... cometrunway run shots.jsonl --journal shots.db",
    )
    run.add_argument("shots", type=Path, metavar="SHOTS.jsonl", help="one JSON object per line: route, key, fields")
    run.add_argument("--journal", type=Path, metavar="FILE", help="keep what was paid for in this file")
    server = run.add_mutually_exclusive_group()
    server.add_argument("--emulator", action="store_true", help="run against a built-in server; needs no key")
    add_base_url(server)
    add_output_dir(run)


def _demo(options: argparse.Namespace) -> int:
    with as_file(_DEMO / "shots.jsonl") as listing:
        shots = read_shots(listing)
        print(
            f"{len(shots)} shots over all eight routes, against a built-in server that behaves like the API", flush=True
        )
        batch = BatchRun(shots=shots, output_dir=options.output_dir, board=new_board(len(shots)), emulated=True)
        status = _supervised(batch)
    if status == INTERRUPTED:
        return status
    print(
        f"\n{_MEANT_TO_FAIL[0]} did what it is named for. The shots are in {listing}.\n"
        "With a key of your own:  COMETAPI_KEY=sk-... cometrunway run shots.jsonl"
    )
    return 0 if batch.failures == _MEANT_TO_FAIL else 1


def _run(options: argparse.Namespace) -> int:
    shots = read_shots(options.shots)
    return _supervised(
        BatchRun(
            shots=shots,
            output_dir=options.output_dir,
            board=new_board(len(shots)),
            journal=options.journal,
            emulated=options.emulator,
            base_url=options.base_url,
        )
    )


def _resume(options: argparse.Namespace) -> int:
    owed = JournalReport(options.journal).counts()["owed"]
    return _supervised(
        BatchRun(
            shots=None,
            output_dir=options.output_dir,
            board=new_board(owed),
            journal=options.journal,
            base_url=options.base_url,
        )
    )


def _supervised(batch: BatchRun) -> int:
    try:
        asyncio.run(batch.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        _print_owed(batch)
        return INTERRUPTED
    if batch.rows:
        print(batch.table())
    if batch.stopped_by is not None:
        print(f"cometrunway: stopped: {batch.stopped_by}", file=sys.stderr)
    failures = len(batch.failures)
    succeeded = len(batch.rows) - failures
    print(
        f"\n{succeeded} of {len(batch.rows)} shots succeeded" + f"; files are in {batch.output_dir}" * bool(succeeded)
    )
    _print_doubts(batch)
    return 1 if failures else 0


def _print_doubts(batch: BatchRun) -> None:
    doubts = [row.key for row in batch.rows.values() if row.status == "in doubt"]
    if doubts:
        print(
            f"{len(doubts)} in doubt: they were sent, perhaps accepted and billed, and are not sent again by themselves"
        )
    if doubts and batch.journal is not None:
        print(f"  look into the gateway's log, then:  cometrunway resolve {batch.journal} {doubts[0]} --help")


def _print_owed(batch: BatchRun) -> None:
    print(
        f"\ncometrunway: interrupted; {len(batch.owed)} submitted tasks are still owed by the server", file=sys.stderr
    )
    for handle in batch.owed:
        print(f"  {handle.key}  {handle.route}  {handle.id}", file=sys.stderr)
