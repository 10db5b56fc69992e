"""The commands that need only a journal: `resume`, `retry`, `cancel`."""

import argparse
import asyncio
import shlex
import sys

from cometrunway._batch._journal_report import JournalReport
from cometrunway._batch._retries import journal_retries
from cometrunway._batch._run import BatchRun
from cometrunway._cli._commands import (
    Commands,
    add_base_url,
    add_command,
    add_journal,
    add_network,
    add_output_dir,
    add_provider,
    add_template,
    resume_command,
    session_options,
)
from cometrunway._cli._supervision import Report, supervised
from cometrunway._journal._reader import JournalReader
from cometrunway._session import Session
from cometrunway._tasks import TaskStatus
from cometrunway._terminal import say
from cometrunway.errors import CometRunwayError
from cometrunway.progress import new_display


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    resume = add_command(
        commands,
        "resume",
        _resume,
        summary="finish the unfinished tasks of a journal",
        details="Wait for every task that was paid for, and download the files that are not on disk. Submits nothing.",
        example="COMETAPI_KEY=sk-... cometrunway resume shots.db",
    )
    add_journal(resume)
    _add_session(resume)
    retry = add_command(
        commands,
        "retry",
        _retry,
        summary="submit failed shots of a journal once more, and pay for them again",
        details="Without keys: failures that the gateway calls internal, which a retry may help, and refused shots. "
        "With keys: these shots, also cancelled ones. Says first how many are paid for again. A shot with a local file "
        "needs its batch file: `cometrunway run SHOTS --journal JOURNAL --retry-failed`.",
        example="COMETAPI_KEY=sk-... cometrunway retry shots.db boat-burns",
    )
    add_journal(retry)
    retry.add_argument(
        "keys", nargs="*", default=[], metavar="KEY", help="a shot that failed, was cancelled or refused, by its key"
    )
    retry.add_argument(
        "--all", action="store_true", help="all shots that failed, for any reason, or were cancelled or refused"
    )
    _add_session(retry)
    cancel = add_command(
        commands,
        "cancel",
        _cancel,
        summary="cancel tasks of a journal at the provider",
        details="Works where the provider can cancel: Runway's own API can, and gateways cannot. The files of tasks "
        "that have succeeded meanwhile are downloaded. No other process may write the journal at the same time.",
        example="RUNWAYML_API_SECRET=key_... cometrunway cancel shots.db boat-burns --provider runway",
    )
    add_journal(cancel)
    cancel.add_argument("keys", nargs="+", metavar="KEY", help="a shot whose task is unfinished, by its key")
    _add_session(cancel)


def _add_session(command: argparse.ArgumentParser) -> None:
    add_provider(command)
    add_base_url(command)
    add_network(command)
    add_output_dir(command)
    add_template(command)


def _resume(options: argparse.Namespace) -> int:
    owed = JournalReport(options.journal).counts()["owed"]
    if not owed:
        say(f"nothing is owed in {options.journal}; `cometrunway status {options.journal}` shows each outcome")
        return 0
    batch = BatchRun(
        shots=None, options=session_options(options), display=new_display(owed), may_wait=sys.stderr.isatty()
    )
    report = Report(output_dir=options.output_dir, journal=options.journal, resume=resume_command(options))
    return supervised(batch, report)


def _cancel(options: argparse.Namespace) -> int:
    with JournalReader(options.journal):  # one that is not there is not to be made
        pass
    outcomes = asyncio.run(_cancelled(options))
    for key, outcome in zip(options.keys, outcomes, strict=True):
        say(f"{key}: {outcome if isinstance(outcome, Exception) else outcome.value.lower()}")
    return 1 if any(isinstance(outcome, Exception) for outcome in outcomes) else 0


async def _cancelled(options: argparse.Namespace) -> list[TaskStatus | Exception]:
    """Cancel the task of each key; return how each ended, or why its end is not known."""
    outcomes: list[TaskStatus | Exception] = []
    async with Session(**session_options(options)) as session:
        for key in options.keys:
            handle = await session.find(key)
            try:
                outcomes.append(ValueError("not in the journal") if handle is None else (await handle.cancel()).status)
            except CometRunwayError as error:
                outcomes.append(error)
        if any(isinstance(outcome, Exception) for outcome in outcomes):
            await session.close(wait=0)  # a task that was not cancelled goes on
    return outcomes


def _retry(options: argparse.Namespace) -> int:
    if options.all and options.keys:
        raise ValueError("--all means all failed and cancelled shots: leave out --all, or the keys")
    retries = journal_retries(options.journal, options.keys, is_all=options.all)
    for line in retries.told():
        say(line, sys.stderr)
    shots = retries.shots
    if not shots:
        return 0
    batch = BatchRun(
        shots=shots,
        options=session_options(options),
        display=new_display(len(shots)),
        may_wait=sys.stderr.isatty(),
        again=retries.unsuccessful.keys,
    )
    resume = resume_command(options)
    again = f"{resume}; {shlex.join(['cometrunway', *options.arguments])}"
    return supervised(batch, Report(output_dir=options.output_dir, journal=options.journal, resume=resume, again=again))
