"""Runs one batch for the command, handles its interruption, and prints its outcome."""

import asyncio
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from cometrunway._batch._cures import for_the_command
from cometrunway._batch._event_log import EventLog
from cometrunway._batch._rows import table
from cometrunway._batch._run import BatchRun
from cometrunway._journal._place import Place
from cometrunway._plurals import be, counted
from cometrunway._terminal import say, say_if_possible

INTERRUPTED = 130
_COUNTED = ("delivered", "failed", "cancelled", "in_doubt", "refused", "waiting")
"""Statuses whose counts are in the last line of `--json`; what is owed is listed there."""


@frozen(kw_only=True)
class Report:
    """How to print the outcome, and the commands that it names."""

    output_dir: Path
    journal: Place | None = None
    resume: str = ""
    """The command that continues the unfinished tasks; empty without a journal."""
    again: str = ""
    """The command that also sends what was never sent."""
    log: EventLog | None = None
    """The stream for the outcome as JSON; None prints text."""
    is_quiet: bool = False


def supervised(batch: BatchRun, report: Report) -> int:
    """Run the batch, print its outcome, and return the exit status."""
    was_left = False
    try:
        asyncio.run(batch.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        was_left = batch.interrupted = True
    _tell(batch, report, was_left=was_left)
    return INTERRUPTED if batch.interrupted else 1 if batch.unfinished else 0


def _tell(batch: BatchRun, report: Report, *, was_left: bool) -> None:
    if report.log is not None:
        report.log.write(_outcome(batch))
    elif not was_left and not report.is_quiet:
        say_if_possible(_rows(batch, report))
    if batch.stopped_by is not None:
        reason = for_the_command(batch.stopped_by.message)
        say(f"cometrunway: stopped: {reason} [{batch.stopped_by.help}]", sys.stderr)
    if batch.interrupted:
        say("\n" * was_left + _interruption(batch), sys.stderr)
    if batch.owed or batch.unsent or (batch.stopped_by is not None and _was_nothing_accepted(batch)):
        say(_how_to_go_on(batch, report), sys.stderr)


def _outcome(batch: BatchRun) -> dict[str, object]:
    statuses = Counter(row.status for row in batch.rows.values())
    return {
        "event": "end",
        "total": len(batch.rows),
        **{status: statuses[status] for status in _COUNTED},
        "interrupted": batch.interrupted,
        "stopped_by": batch.stopped_by and str(batch.stopped_by),
        "owed": [
            {"key": handle.key, "route": handle.route, "task_id": handle.id, "token": handle.token}
            for handle in batch.owed
        ],
    }


def _rows(batch: BatchRun, report: Report) -> str:
    delivered = len(batch.rows) - len(batch.unfinished)
    where = f"; files are in {report.output_dir}" if delivered else ""
    lines = [table(batch.rows.values()), f"\n{delivered:,} of {counted(len(batch.rows), 'shot')} delivered{where}"]
    lines.append(_found(batch, report))
    doubts = [row.key for row in batch.unfinished if row.status == "in_doubt"]
    if doubts:
        lines.append(
            f"{len(doubts):,} in doubt: sent, perhaps accepted and billed, and not sent again without your decision"
        )
    if doubts and report.journal is not None:
        resolve = shlex.join(["cometrunway", "resolve", str(report.journal), doubts[0]])
        lines.append(f"  check the gateway's log; if the task is there:  {resolve} --task-id ID")
        lines.append(f"  if it is not there:  {resolve} --not-created")
    return "\n".join(filter(None, lines))


def _found(batch: BatchRun, report: Report) -> str:
    """Say how many shots an earlier run has submitted, if this run was to submit any."""
    found = len(batch.found)
    if not found or batch.shots is None:
        return ""
    submitted = sum(bool(row.task_id) and not row.is_found for row in batch.rows.values())
    was = "was" if submitted == 1 else "were"
    now = f"{submitted:,} {was} submitted" if submitted else "nothing was submitted"
    return f"{found:,} {be(found)} in {report.journal} from an earlier run; {now}"


def _interruption(batch: BatchRun) -> str:
    submitted = sum(bool(row.task_id) for row in batch.rows.values())
    doubts = sum(row.status == "in_doubt" for row in batch.rows.values())
    told = f"cometrunway: interrupted: {submitted:,} of {counted(len(batch.rows), 'shot')} submitted"
    return told + f", {doubts:,} more perhaps: in doubt" * bool(doubts)


def _how_to_go_on(batch: BatchRun, report: Report) -> str:
    owed, unsent = len(batch.owed), len(batch.unsent)
    if _was_nothing_accepted(batch):
        return f"  nothing was accepted, so nothing is paid for; to try again:\n  {report.again}"
    if batch.emulated and owed:
        return _left_on_the_built_in_server(owed, report)
    if not (report.journal or batch.emulated):
        return "\n".join(_left_without_journal(batch))
    paid = f"{owed:,} {be(owed)} paid for and not on disk" * bool(owed)
    never_sent = f"{unsent:,} never sent" * bool(unsent)
    goal = "to go on with all of it" if unsent else "to have them"
    return f"  {', '.join(filter(None, (paid, never_sent)))}; {goal}:\n  {report.again if unsent else report.resume}"


def _was_nothing_accepted(batch: BatchRun) -> bool:
    return not any(row.task_id or row.status == "in_doubt" for row in batch.rows.values())


def _left_on_the_built_in_server(owed: int, report: Report) -> str:
    anew = f"give it another journal, or remove {report.journal}" if report.journal else "run the same command again"
    return (
        f"  {owed:,} {be(owed)} unfinished, and the built-in server ends with this run: nothing was paid, and no run "
        f"can finish them; to begin anew, {anew}"
    )


def _left_without_journal(batch: BatchRun) -> Iterator[str]:
    if batch.owed:
        owed = len(batch.owed)
        yield f"  {owed:,} {be(owed)} still owed by the server; without a journal, this list is all that names the ids:"
        yield from (f"    {handle.key}  {handle.route}  {handle.id}" for handle in batch.owed)
    if batch.unsent:
        yield (
            f"  {len(batch.unsent):,} never sent; without a journal, another run does not know which of the "
            f"{len(batch.rows):,} are paid for: run those that were not sent from a file of their own, with --journal"
        )
