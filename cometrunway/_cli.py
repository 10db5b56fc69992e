"""The `cometrunway` command."""

import argparse
import asyncio
import io
import json
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from cometrunway import Journal, JournalError, emulator
from cometrunway._batch_file import BatchFileError, read_shots
from cometrunway._batch_run import BatchRun
from cometrunway._journal_report import JournalReport, write_csv, write_jsonl
from cometrunway.progress import new_board

_DEMO = files("cometrunway") / "demo"
_MEANT_TO_FAIL = ["fails-on-purpose"]
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 all well, 1 a task failed, 2 wrong use or a bad file."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["emulator"]:
        return emulator.main(arguments[1:])
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that a terminal cannot show must not stop a batch
    try:
        status: int = options.command(options)
    except (BatchFileError, JournalError, ValueError) as error:
        print(f"cometrunway: error: {error}", file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cometrunway",
        description="Batches of paid Runway tasks: submitted, waited for, downloaded. The key comes from COMETAPI_KEY.",
        epilog="exit status: 0 all succeeded, 1 a task failed or is in doubt, 2 wrong use or a bad file, "
        "130 interrupted",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_runs(commands)
    _add_journals(commands)
    commands.add_parser("emulator", help="serve the API's behaviour on this machine", add_help=False)
    return parser


def _add_runs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser("demo", help="run a batch against a built-in server; needs no key and costs nothing")
    run = commands.add_parser(
        "run",
        help="run a batch file",
        description="Submit every shot of a JSON Lines file, wait for all, and download what they made. With a "
        "journal, the same command run again finishes what is left, and pays for nothing twice.",
        epilog="example: COMETAPI_KEY=sk-... cometrunway run shots.jsonl --journal shots.db",
    )
    run.add_argument("shots", type=Path, metavar="SHOTS.jsonl", help="one JSON object per line: route, key, fields")
    run.add_argument("--journal", type=Path, metavar="FILE", help="keep what was paid for in this file")
    resume = commands.add_parser(
        "resume",
        help="finish what a journal owes",
        description="Wait for every task that was paid for, and download what is not on disk. Submits nothing.",
        epilog="example: COMETAPI_KEY=sk-... cometrunway resume shots.db",
    )
    resume.add_argument("journal", type=Path, metavar="JOURNAL")
    server = run.add_mutually_exclusive_group()
    server.add_argument("--emulator", action="store_true", help="run against a built-in server; needs no key")
    for command in (server, resume):
        command.add_argument(
            "--base-url",
            type=_filled,
            metavar="URL",
            help="default: COMETRUNWAY_BASE_URL, else https://api.cometapi.com",
        )
    for command, work in ((demo, _demo), (run, _run), (resume, _resume)):
        command.add_argument("--output-dir", type=Path, default=Path("outputs"), metavar="DIR", help="default: outputs")
        command.set_defaults(command=work)


def _add_journals(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    status = commands.add_parser("status", help="show what a journal holds, also while it is being written")
    status.add_argument("--json", action="store_true", help="the counts as JSON")
    export = commands.add_parser("export", help="write a journal as JSON Lines or CSV")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    resolve = commands.add_parser(
        "resolve",
        help="end a doubt: say what became of a submission whose answer was lost",
        description="A submission in doubt is never sent again by itself. Look into the gateway's own log, then say "
        "whether its task exists; `run` and `resume` go on from there.",
    )
    for command, work in ((status, _status), (export, _export), (resolve, _resolve)):
        command.add_argument("journal", type=Path, metavar="JOURNAL")
        command.set_defaults(command=work)
    resolve.add_argument("key", metavar="KEY")
    outcome = resolve.add_mutually_exclusive_group(required=True)
    outcome.add_argument("--task-id", metavar="ID", help="it was accepted, and this is its task")
    outcome.add_argument("--not-created", action="store_true", help="it was not accepted: the next run submits it")


def _filled(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _demo(options: argparse.Namespace) -> int:
    with as_file(_DEMO / "shots.jsonl") as listing:
        shots = read_shots(listing)
        print(
            f"{len(shots)} shots over all eight routes, against a built-in server that behaves like the API", flush=True
        )
        batch = BatchRun(shots=shots, output_dir=options.output_dir, board=new_board(len(shots)), emulated=True)
        status = _supervised(batch)
    if status == _INTERRUPTED:
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


def _status(options: argparse.Namespace) -> int:
    report = JournalReport(options.journal)
    print(json.dumps(report.counts()) if options.json else report.text())
    return 0


def _export(options: argparse.Namespace) -> int:
    report = JournalReport(options.journal)
    write = write_csv if options.format == "csv" else write_jsonl
    if options.output is None:
        write(report, sys.stdout)
        return 0
    try:
        with options.output.open("w", encoding="utf-8", newline="") as stream:
            write(report, stream)
    except OSError as error:
        raise ValueError(f"cannot write {options.output}: {error.strerror}") from error
    return 0


def _resolve(options: argparse.Namespace) -> int:
    async def resolve() -> None:
        async with Journal(options.journal) as journal:
            await journal.resolve(options.key, task_id=options.task_id)

    JournalReport(options.journal)  # a journal that is not there is not to be made
    asyncio.run(resolve())
    return 0


def _supervised(batch: BatchRun) -> int:
    try:
        asyncio.run(batch.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        _print_owed(batch)
        return _INTERRUPTED
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
