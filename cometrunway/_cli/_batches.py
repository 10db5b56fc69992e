"""The commands that run a batch: `run`, `demo`."""

import argparse
import json
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from tempfile import TemporaryDirectory

from cometrunway._batch._columns import listed
from cometrunway._batch._cures import for_the_command
from cometrunway._batch._elsewhere import FilesElsewhere
from cometrunway._batch._event_log import EventLog
from cometrunway._batch._files import STANDARD_INPUT, BatchFile, read_batch, read_shots
from cometrunway._batch._known import KnownShots, known_shots, told, told_of_emulated
from cometrunway._batch._plan import check_provider, planned, totals
from cometrunway._batch._prices import Prices
from cometrunway._batch._retries import Retries
from cometrunway._batch._run import BatchRun
from cometrunway._batch._text import check_encoding
from cometrunway._batch._writable import check_journal, check_output_dir
from cometrunway._cli._bundle import copied_demo, place_of_the_demo
from cometrunway._cli._commands import (
    Commands,
    add_base_url,
    add_command,
    add_network,
    add_output_dir,
    add_prices,
    add_provider,
    add_template,
    journal,
    path,
    positive,
    provider,
    resume_command,
    session_options,
    whole,
)
from cometrunway._cli._fleet import queue
from cometrunway._cli._supervision import INTERRUPTED, Report, supervised
from cometrunway._delivery._earlier_files import check_keys
from cometrunway._delivery._file_names import FileNames
from cometrunway._gallery._journal_source import JournalSource
from cometrunway._gallery._page import write_page
from cometrunway._plurals import counted
from cometrunway._requests._shot import Shot
from cometrunway._session import Session
from cometrunway._submission._submitter import EMULATED
from cometrunway._terminal import say, say_if_possible
from cometrunway._transport._access import base_of
from cometrunway._transport._connections import Connections
from cometrunway.errors import MediaWarning, UnknownValueWarning
from cometrunway.progress import new_display

_OF_WORKERS = (
    *("journal", "retry_failed", "budget", "fit", "max_in_flight", "polls_per_second", "template", "json", "pay_again"),
)
_FAILURES = ("curable", "all")
_MEANT_TO_FAIL = ["fails-on-purpose"]


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


def _add_run(commands: "Commands[argparse.ArgumentParser]") -> None:
    run = add_command(
        commands,
        "run",
        _run,
        summary="run a batch file",
        details="Submit every shot of a file, wait for all, and download what they made. The whole file is checked "
        "before anything is sent. With a journal, the same command run again finishes what is left, and pays for "
        "nothing twice. The first Ctrl-C stops submitting and waits for the paid tasks; a second one ends at once.",
        example="COMETAPI_KEY=sk-... cometrunway run shots.jsonl --journal shots.db",
    )
    run.add_argument(
        "shots", type=path, metavar="SHOTS", help="JSON Lines, JSON or CSV: route, key, fields; - is standard input"
    )
    _add_reading(run.add_argument_group("reading the file"))
    _add_extent(run.add_argument_group("what is submitted"))
    _add_output(run)
    where = run.add_argument_group("provider and server")
    add_provider(where)
    server = where.add_mutually_exclusive_group()
    server.add_argument("--emulator", action="store_true", help="run against a built-in server; needs no key")
    add_base_url(server)
    server.add_argument(
        "--dsn", type=journal, metavar="URL", help="queue the shots for the workers of this database, and wait for them"
    )
    add_network(run.add_argument_group("network"))


def _add_reading(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--encoding", type=_encoding, metavar="NAME", help="of a file without a byte order mark, such as cp1252 (utf-8)"
    )
    group.add_argument(
        "--ignore-columns",
        type=listed,
        action="extend",
        default=[],
        metavar="NAMES",
        help="ignore these columns, such as notes,price",
    )


def _encoding(name: str) -> str:
    try:
        check_encoding(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name


def _failures(text: str) -> str:
    if text not in _FAILURES:
        raise argparse.ArgumentTypeError(
            f"may be followed by curable or all, got {text!r}; write SHOTS before the option"
        )
    return text


def _add_extent(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    group.add_argument("--strict", action="store_true", help="refuse unknown values and doubtful media")
    group.add_argument("--fit", choices=("shrink",), help="turn, crop, scale and convert local images until they fit")
    group.add_argument("--limit", type=whole(1), metavar="N", help="take only the first N shots")
    add_prices(group)
    group.add_argument("--budget", type=whole(0), metavar="N", help="stop submitting after N creates in this run")
    group.add_argument(
        "--retry-failed",
        nargs="?",
        const="curable",
        type=_failures,
        choices=_FAILURES,
        help="submit once more, and pay for, failed shots that a retry may help; with all: all failed and cancelled "
        "shots",
    )
    group.add_argument("--max-in-flight", type=whole(1), metavar="N", help="unfinished tasks at once (1000)")
    group.add_argument("--polls-per-second", type=positive, metavar="N", help="polls per second (250)")


def _add_output(run: argparse.ArgumentParser) -> None:
    group = run.add_argument_group("records and output")
    add_output_dir(group)
    add_template(group)
    group.add_argument("--journal", type=journal, metavar="FILE", help="record what was paid for in this file")
    group.add_argument(
        "--other-keys",
        choices=("use", "buy"),
        help="for shots that the journal has under another key: use that one, or buy them again",
    )
    group.add_argument(
        "--pay-again",
        action="store_true",
        help="without --journal, or with a new one: pay again for shots whose files are there; the new files get a "
        "number. It is the default with --emulator, which costs nothing",
    )
    group.add_argument(
        "--journal-timeout",
        type=positive,
        metavar="SECONDS",
        help="how long to wait while another program has locked it (30)",
    )
    shown = group.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="one event per line on standard output")
    shown.add_argument("--quiet", action="store_true", help="show only errors")


def _demo(options: argparse.Namespace) -> int:
    with TemporaryDirectory() as folder:
        shots = read_shots(copied_demo(Path(folder)))
        say_if_possible(
            f"{len(shots)} shots over all eight routes, against a built-in server that behaves like the API"
        )
        kept_in = Path(folder, "demo")
        given = {"output_dir": options.output_dir, "journal": kept_in, "pay_again": True}  # it costs nothing
        batch = BatchRun(shots=shots, options=given, display=new_display(len(shots)), emulated=True)
        status = supervised(batch, Report(output_dir=options.output_dir))
        if status == INTERRUPTED:
            return status
        gallery = options.output_dir / "gallery.html"
        write_page(JournalSource(kept_in), gallery)
    place = place_of_the_demo()
    where = f" The shots are in {place}." if place else ""
    is_as_meant = [row.key for row in batch.unfinished] == _MEANT_TO_FAIL
    meant = f"\n{_MEANT_TO_FAIL[0]} did what it is named for.{where}\n" if is_as_meant else ""
    say_if_possible(
        f"{meant}Look at them in a browser:  {gallery.absolute().as_uri()}\n"
        "With a key of your own:     COMETAPI_KEY=sk-... cometrunway run YOUR-SHOTS.jsonl --journal shots.db"
    )
    return 0 if is_as_meant else 1


def _run(options: argparse.Namespace) -> int:
    _check_fleet(options)
    _check_journal_options(options)
    file = read_batch(options.shots, encoding=options.encoding, ignore=options.ignore_columns)
    for line in () if options.quiet else _told_of_columns(file):
        say(line, sys.stderr)
    known = known_shots(file, options.journal, options.other_keys)
    _tell_doubtful(
        check_provider(
            file,
            provider(options),
            api_host=_api_host(options),
            strict=options.strict,
            fit=options.fit,
            sent_before={shot.key for shot in file.shots if known.renamed.get(shot.key, shot.key) in known.entries},
        )
    )
    if not options.quiet:
        for line in told(known, options.journal):
            say(line, sys.stderr)
    for line in told_of_emulated(known, options.journal, api_host=_api_host(options)):
        say(line, sys.stderr)
    warnings.filterwarnings("ignore", re.escape(EMULATED), RuntimeWarning)
    shots = known.shots[: options.limit]
    again = _retried(shots, known, options)
    wanted = [shot for shot in shots if shot.key in again or shot.key not in known.entries]
    if options.price is not None:
        prices = Prices.read(options.price)
        cost = prices.total(shot.request for shot in wanted)
        say(f"estimate: {prices.amount(cost)} for {counted(len(wanted), 'shot')}", sys.stderr)
    elsewhere = FilesElsewhere.of(known.entries.values(), known.folders, options.output_dir)
    for line in () if options.quiet else elsewhere.told():
        say(line, sys.stderr)
    _check_keys(known, options)
    _check_emulated(known, options)
    if options.dry_run:
        return _dry_run(wanted, shots, options)
    if options.dsn is not None:
        return queue(shots, options)
    if _is_key_missing(options):
        raise ValueError(f"no API key: set {provider(options).key_variable} in the environment; --emulator needs none")
    elsewhere.link()
    report = Report(
        output_dir=options.output_dir,
        journal=options.journal,
        resume=resume_command(options) if options.journal and not options.emulator else "",
        again=shlex.join(["cometrunway", *options.arguments]) + " < SHOTS" * (options.shots == STANDARD_INPUT),
        log=EventLog(sys.stdout) if options.json else None,
        is_quiet=options.quiet,
    )
    batch = BatchRun(
        shots=shots,
        options={**session_options(options), "pay_again": known.is_new and (options.pay_again or options.emulator)},
        display=new_display(len(shots), quiet=options.quiet),
        observers=[report.log.on_event] if report.log else [],
        tells_balance=not options.quiet,
        emulated=options.emulator,
        may_wait=sys.stderr.isatty(),
        again=again,
    )
    return supervised(batch, report)


def _check_fleet(options: argparse.Namespace) -> None:
    """Refuse options that the workers of a fleet have, and not the process that queues."""
    given = [name for name in _OF_WORKERS if getattr(options, name) not in (None, False)]
    if options.dsn is not None and given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"--dsn leaves the shots to workers, and {named} is for a run of its own: leave it out")


def _check_journal_options(options: argparse.Namespace) -> None:
    """Refuse options that have no effect, with or without a journal."""
    for option, value in (("--other-keys", options.other_keys), ("--journal-timeout", options.journal_timeout)):
        if value is not None and options.journal is None:
            raise ValueError(f"{option} needs --journal; without one it has no effect")


def _told_of_columns(file: BatchFile) -> Iterator[str]:
    if file.ignored:
        columns = (f"{name} ({counted(rows, 'row')})" for name, rows in file.ignored.items())
        yield f"ignored columns: {', '.join(columns)}"
    yield from file.absent


def _check_keys(known: KnownShots, options: argparse.Namespace) -> None:
    """Check that no shot may have been paid for by a run with another journal or with none."""
    if options.pay_again and not known.is_new:
        raise ValueError(
            f"--pay-again has no effect with {options.journal}, because a journal pays for a key once; leave it out, "
            "or give the shots that you want to pay for again other keys"
        )
    if known.is_new and not (options.pay_again or options.emulator or options.dsn):
        shots, names = known.shots[: options.limit], FileNames(options.template or "{key}")
        check_keys(((shot.key, shot.request.route) for shot in shots), options.output_dir, names)


def _check_emulated(known: KnownShots, options: argparse.Namespace) -> None:
    """Check that a run against the built-in server finds no task that only another server knows."""
    owed = sum(entry.is_owed for entry in known.entries.values())
    if owed and options.emulator:
        tasks = counted(owed, "unfinished task", "unfinished tasks")
        raise ValueError(
            f"{options.journal} has {tasks} of another server, which the new built-in server does not have; give the "
            "run another journal; nothing was sent"
        )


def _is_key_missing(options: argparse.Namespace) -> bool:
    return not (options.emulator or os.environ.get(provider(options).key_variable, "").strip())


def _retried(shots: Sequence[Shot], known: KnownShots, options: argparse.Namespace) -> Set[str]:
    """Return the keys of failed or cancelled shots that are submitted once more. Print them first."""
    if options.retry_failed is None:
        return frozenset()
    if options.journal is None:
        raise ValueError("--retry-failed needs --journal, which records what has failed")
    entries = (known.entries[shot.key] for shot in shots if shot.key in known.entries)
    retries = Retries.of(entries, is_all=options.retry_failed == "all")
    for line in retries.told("--retry-failed all"):
        say(line, sys.stderr)
    return retries.keys


def _api_host(options: argparse.Namespace) -> str:
    if options.emulator:
        return "127.0.0.1"
    return base_of(provider(options), options.base_url).host or ""


def _tell_doubtful(lines: str) -> None:
    """Print once what is not known or doubtful in a batch. The session then does not warn of it again."""
    if lines:
        say(
            f"{for_the_command(lines)}\n"
            "warning: unknown values and doubtful media are sent unchanged; --strict refuses them",
            sys.stderr,
        )
    for category in (UnknownValueWarning, MediaWarning):
        warnings.simplefilter("ignore", category)


def _dry_run(wanted: Sequence[Shot], shots: Sequence[Shot], options: argparse.Namespace) -> int:
    _check_as_the_run_does(options)
    for plan in planned(wanted, provider(options), fit=options.fit):
        body = json.dumps(plan["body"], ensure_ascii=False)
        say(json.dumps(plan) if options.json else f"{plan['key']}  POST {plan['path']}  {body}")
    say(f"would submit {totals(wanted)}; nothing was sent", sys.stderr)
    if len(wanted) < len(shots):
        say(f"{counted(len(shots) - len(wanted), 'shot is', 'shots are')} in {options.journal} already", sys.stderr)
    if options.budget is not None and options.budget < len(wanted):
        say(f"the budget stops the run after {counted(options.budget, 'create')}", sys.stderr)
    return 0


def _check_as_the_run_does(options: argparse.Namespace) -> None:
    """Check all that could end the run before it sends anything, except a missing key."""
    variable = provider(options).key_variable
    if _is_key_missing(options):
        say(f"the run needs a key: {variable} is not set; --emulator needs none", sys.stderr)
    key = "" if options.emulator else os.environ.get(variable, "").strip()
    server = {"base_url": "http://127.0.0.1"} if options.emulator else {}
    Session(key or "of-a-dry-run", **{**session_options(options), **server})
    Connections(trust_env=not (options.no_trust_env or options.emulator)).read_environment()
    check_output_dir(options.output_dir)
    if options.journal is not None:
        check_journal(options.journal)
