"""The `cometrunway` command."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from cometrunway import emulator
from cometrunway._batch_file import BatchFileError, read_shots
from cometrunway._batch_run import BatchRun
from cometrunway.progress import new_board

_DEMO = files("cometrunway") / "demo"
_MEANT_TO_FAIL = ["fails-on-purpose"]
_INTERRUPTED = 130
_OWED_SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 all well, 1 a task failed, 2 wrong use or a bad file."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["emulator"]:
        return emulator.main(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        return _demo(options) if options.command == "demo" else _run(options)
    except (BatchFileError, ValueError) as error:
        print(f"cometrunway: error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cometrunway", description="Batches of paid Runway tasks: submitted, waited for, downloaded."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="run a batch against a built-in server; needs no key and costs nothing")
    run = commands.add_parser(
        "run",
        help="run a batch file",
        description="Submit every shot of a JSON Lines file, wait for all, and download what they made. "
        "The key comes from COMETAPI_KEY.",
        epilog="exit status: 0 all succeeded, 1 a task failed, 2 wrong use or a bad file. "
        "example: COMETAPI_KEY=sk-... cometrunway run shots.jsonl",
    )
    run.add_argument("shots", type=Path, metavar="SHOTS.jsonl", help="one JSON object per line: route, key, fields")
    run.add_argument("--base-url", help="the gateway (default: COMETRUNWAY_BASE_URL, else https://api.cometapi.com)")
    run.add_argument("--emulator", action="store_true", help="run against a built-in server; needs no key")
    for command in (demo, run):
        command.add_argument("--output-dir", type=Path, default=Path("outputs"), help="default: ./outputs")
    commands.add_parser("emulator", help="serve the API's behaviour on this machine", add_help=False)
    return parser


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
            emulated=options.emulator,
            base_url=options.base_url,
        )
    )


def _supervised(batch: BatchRun) -> int:
    try:
        asyncio.run(batch.run())
    except KeyboardInterrupt:
        _print_owed(batch)
        return _INTERRUPTED
    print(batch.table())
    if batch.stopped_by is not None:
        print(f"cometrunway: stopped: {batch.stopped_by}", file=sys.stderr)
    failures = len(batch.failures)
    print(f"\n{len(batch.rows) - failures} of {len(batch.rows)} shots succeeded; files are in {batch.output_dir}")
    return 1 if failures else 0


def _print_owed(batch: BatchRun) -> None:
    print(
        f"\ncometrunway: interrupted; {len(batch.owed)} submitted tasks are still owed by the server", file=sys.stderr
    )
    for handle in batch.owed[:_OWED_SHOWN]:
        print(f"  {handle.key}  {handle.route}  {handle.id}", file=sys.stderr)
    if len(batch.owed) > _OWED_SHOWN:
        print(f"  ... and {len(batch.owed) - _OWED_SHOWN} more", file=sys.stderr)
