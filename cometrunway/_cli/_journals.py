"""The commands about a journal: `status`, `export`, `resolve`, `check`, `prune`."""

import argparse
import asyncio
import io
import json
import sys
from datetime import datetime

from cometrunway._batch._export import BEGINNING, write_csv, write_jsonl
from cometrunway._batch._journal_report import JournalReport
from cometrunway._cli._commands import Commands, add_command, add_journal, path
from cometrunway._cli._output import OutputKind, write_output
from cometrunway._journal._check import problems_of
from cometrunway._journal._journal import Journal
from cometrunway._journal._pruned import Pruned, check_dates
from cometrunway._journal._reader import JournalReader
from cometrunway._plurals import counted
from cometrunway._terminal import say, writing
from cometrunway._wire._encode import poll_request


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    status = add_command(
        commands,
        "status",
        _status,
        summary="show what a journal contains, also while it is being written",
        example="cometrunway status shots.db",
    )
    add_journal(status)
    status.add_argument("--json", action="store_true", help="the counts as JSON")
    export = add_command(
        commands,
        "export",
        _export,
        summary="write a journal as JSON Lines or CSV",
        example="cometrunway export shots.db --format csv -o results.csv",
    )
    add_journal(export)
    export.add_argument(
        "--format", choices=("jsonl", "csv"), help="default: csv for a FILE that ends with .csv, else jsonl"
    )
    export.add_argument("-o", "--output", type=path, metavar="FILE", help="default: standard output")
    _add_resolve(commands)
    check = add_command(
        commands,
        "check",
        _check,
        summary="read all of a journal, and say whether it is damaged",
        details="Read every page and every row of a journal, also while it is being written. Opening a journal checks "
        "only a small one completely. Changes nothing; status 1 if it is damaged.",
        example="cometrunway check shots.db",
    )
    add_journal(check)
    _add_prune(commands)


def _add_prune(commands: "Commands[argparse.ArgumentParser]") -> None:
    prune = add_command(
        commands,
        "prune",
        _prune,
        summary="make a journal smaller: remove data of shots that were delivered long ago",
        details="Of shots that were delivered before a date, the key, the digest, the task and the files are kept, so "
        "that they are never paid for again; the fields of the requests, and URLs, are removed. Shots that are owed, "
        "in doubt, failed, cancelled or refused are not changed. From the queue of a fleet, refused shots that were "
        "queued before the date are removed. A date is local time, or has a time zone: 2026-03-01, 2026-03-01T12:00Z.",
        example="cometrunway prune shots.db --delivered-before 2026-03-01",
    )
    add_journal(prune)
    prune.add_argument(
        "--delivered-before", type=_date, required=True, metavar="DATE", help="prune shots that were delivered before"
    )
    prune.add_argument(
        "--forget-keys-before",
        type=_date,
        metavar="DATE",
        help="forget shots that were delivered before: if they are run again, they are paid for again",
    )


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise argparse.ArgumentTypeError(f"must be a date such as 2026-03-01, got {text!r}") from error


def _add_resolve(commands: "Commands[argparse.ArgumentParser]") -> None:
    resolve = add_command(
        commands,
        "resolve",
        _resolve,
        summary="record whether a submission in doubt was accepted",
        details="A submission in doubt is never sent again by itself. Check the gateway's own log, then say "
        "whether its task exists; `run` and `resume` continue from there.",
        example="cometrunway resolve shots.db cat-yawns --task-id 7f1c...",
    )
    add_journal(resolve)
    resolve.add_argument("key", metavar="KEY", help="the submission's key, as `status` shows it")
    outcome = resolve.add_mutually_exclusive_group(required=True)
    outcome.add_argument("--task-id", metavar="ID", help="it was accepted, and this is its task")
    outcome.add_argument("--not-created", action="store_true", help="it was not accepted: the next run submits it")


def _status(options: argparse.Namespace) -> int:
    report = JournalReport(options.journal)
    say(json.dumps(report.counts()) if options.json else report.text())
    return 0


def _export(options: argparse.Namespace) -> int:
    report = JournalReport(options.journal)
    is_table = options.output is not None and options.output.suffix.lower() == ".csv"
    write = write_csv if (options.format or ("csv" if is_table else "jsonl")) == "csv" else write_jsonl
    if options.output is None:
        if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # standard output to a file is treated as -o
        with writing(sys.stdout):
            write(report, sys.stdout)
        return 0
    write_output(options.output, lambda stream: write(report, stream), OutputKind("an export", BEGINNING))
    return 0


def _resolve(options: argparse.Namespace) -> int:
    async def resolve() -> None:
        async with Journal(options.journal) as journal:
            await journal.resolve(options.key, task_id=options.task_id)

    with JournalReader(options.journal) as journal:  # one that is not there is not to be made
        if options.task_id is not None:
            _check_task_id(options.task_id, options.key, journal)
    asyncio.run(resolve())
    now = (
        "the next run submits it"
        if options.not_created
        else f"`cometrunway resume {options.journal}` waits for its task"
    )
    say(f"{options.key} is no longer in doubt: {now}")
    return 0


def _check_task_id(task_id: str, key: str, journal: JournalReader) -> None:
    poll_request("image_to_video", task_id)  # raises an error if no task has this id
    for other in journal.keys_of_task(task_id):
        if other != key:
            raise ValueError(f"the task {task_id} already belongs to {other!r}")


def _check(options: argparse.Namespace) -> int:
    problems = problems_of(options.journal)
    for problem in problems:
        say(f"{options.journal}: {problem}")
    if problems:
        say("restore a backup, or keep what `cometrunway export` can still read", sys.stderr)
        return 1
    with JournalReader(options.journal) as journal:
        say(f"{options.journal}: no damage, {counted(sum(journal.counts().values()), 'submission')}")
    return 0


def _prune(options: argparse.Namespace) -> int:
    async def prune() -> Pruned:
        async with Journal(options.journal) as journal:
            return await journal.prune(
                delivered_before=options.delivered_before, forget_keys_before=options.forget_keys_before
            )

    check_dates(options.delivered_before, options.forget_keys_before)
    with JournalReader(options.journal):  # one that is not there is not to be made
        pass
    done = asyncio.run(prune())
    forgotten = f", {done.forgotten:,} forgotten" if options.forget_keys_before else ""
    refused = f", {counted(done.refused, 'refused shot')} removed from the queue" if done.refused else ""
    say(
        f"{options.journal}: {counted(done.pruned, 'submission')} pruned{forgotten}{refused}; "
        f"{counted(done.bytes_before, 'byte')} before, {done.bytes_after:,} after"
    )
    return 0
