"""A batch under way, from the command's side: it is run, interrupted or not, and its outcome told."""

import asyncio
import sys
from pathlib import Path

from attrs import frozen

from cometrunway._batch import BatchRun, EventLog, table

INTERRUPTED = 130


@frozen(kw_only=True)
class Report:
    """How the outcome is told, and what it speaks of."""

    output_dir: Path
    journal: Path | None = None
    log: EventLog | None = None
    """Where it goes as JSON, in place of text."""
    is_quiet: bool = False


def supervised(batch: BatchRun, report: Report) -> int:
    """Run the batch, tell its outcome, and return the exit status."""
    was_left = False
    try:
        asyncio.run(batch.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        was_left = True
    if report.log is not None:
        report.log.write(_outcome(batch, was_left=was_left))
    elif not was_left and not report.is_quiet:
        _print_rows(batch, report)
    if batch.stopped_by is not None:
        print(f"cometrunway: stopped: {batch.stopped_by}", file=sys.stderr)
    if was_left:
        _print_owed(batch, report)
    return INTERRUPTED if was_left or batch.interrupted else 1 if batch.unfinished else 0


def _outcome(batch: BatchRun, *, was_left: bool) -> dict[str, object]:
    return {
        "event": "end",
        "total": len(batch.rows),
        "succeeded": len(batch.rows) - len(batch.unfinished),
        "interrupted": was_left or batch.interrupted,
        "stopped_by": batch.stopped_by and str(batch.stopped_by),
        "owed": [
            {"key": handle.key, "route": handle.route, "task_id": handle.id, "token": handle.token}
            for handle in batch.owed
        ],
    }


def _print_rows(batch: BatchRun, report: Report) -> None:
    rows = table(batch.rows.values())
    if rows:
        print(rows)
    succeeded = len(batch.rows) - len(batch.unfinished)
    where = f"; files are in {report.output_dir}" if succeeded else ""
    print(f"\n{succeeded:,} of {len(batch.rows):,} shots succeeded{where}")
    doubts = [row.key for row in batch.unfinished if row.status == "in doubt"]
    if doubts:
        print(
            f"{len(doubts):,} in doubt: they were sent, perhaps accepted and billed, and are not sent again by "
            "themselves"
        )
    if doubts and report.journal is not None:
        print(f"  look into the gateway's log, then:  cometrunway resolve {report.journal} {doubts[0]} --help")


def _print_owed(batch: BatchRun, report: Report) -> None:
    print(
        f"\ncometrunway: interrupted; {len(batch.owed):,} submitted tasks are still owed by the server", file=sys.stderr
    )
    if report.journal is not None:
        print(f"  later:  cometrunway resume {report.journal}", file=sys.stderr)
        return
    for handle in batch.owed:
        print(f"  {handle.key}  {handle.route}  {handle.id}", file=sys.stderr)
