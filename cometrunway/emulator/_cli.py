"""The command `cometrunway emulator`, which runs an emulator in its own process."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from typing import get_args

from cometrunway.emulator._callbacks import CallbackPolicy
from cometrunway.emulator._dialects import DialectName
from cometrunway.emulator._faults import Faults
from cometrunway.emulator._gateway import WrongPath
from cometrunway.emulator._refusals import NotExistForm
from cometrunway.emulator._server import Emulator
from cometrunway.emulator._task_maker import LogNormal, Uniform
from cometrunway.emulator._views import Progress

DESCRIPTION = """\
Serve an emulation of the API on this machine until SIGTERM or Ctrl-C.

When it is ready it prints one line of JSON: {"base_url": ..., "api_key": ..., "asset_url": ...}.
GET /__emulator__/ledger, /__emulator__/requests and /__emulator__/leaks show what has happened, without a key.
"""

EXAMPLE = """\
example:
  cometrunway emulator --dialect wrapped --seed 7 --speed 20 --fault poll:502=0.05 --fault create:429/2=0.02

faults are OPERATION:FAULT=RATE, the operation create, poll, asset, upload (the announcement) or storage (the file),
the fault a status (502 is an HTML page), 429/SECONDS (with Retry-After), slow/SECONDS, drop (before acting), lost
(after acting), reset, silent, html, cut, short, unframed or not_exist.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to a parser of any program."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    _add_origin(parser.add_argument_group("where"))
    _add_pace(parser.add_argument_group("pace"))
    _add_behaviour(parser.add_argument_group("behaviour"))


def emulator_of(arguments: argparse.Namespace) -> Emulator:
    """Return the emulator for these parsed options.

    Raises:
        ValueError: An option is out of its range.
    """
    return Emulator(
        host=arguments.host,
        port=arguments.port,
        asset_port=arguments.asset_port,
        storage_port=arguments.storage_port,
        api_key=arguments.api_key,
        dialect=arguments.dialect,
        seed=arguments.seed,
        speed=arguments.speed,
        duration=_duration_of(arguments),
        not_exist_seconds=arguments.not_exist,
        not_exist_form=arguments.not_exist_form,
        max_running=arguments.max_running,
        failure_rate=arguments.failure_rate,
        balance=arguments.balance,
        any_model=arguments.any_model,
        progress=arguments.progress,
        faults=Faults.parse(*arguments.fault),
        asset_lifetime=arguments.asset_lifetime,
        upload_lifetime=arguments.upload_lifetime,
        refresh_urls=not arguments.stale_urls,
        callbacks=arguments.callbacks,
        wrong_path=arguments.wrong_path,
    )


def _duration_of(arguments: argparse.Namespace) -> LogNormal | Uniform:
    if arguments.uniform is not None:
        low, high = arguments.uniform
        return Uniform(low=low, high=high)
    return LogNormal(median=arguments.median, sigma=arguments.sigma)


async def serve(emulator: Emulator) -> None:
    """Run an emulator, print one line with its address to standard output, and wait for SIGTERM or SIGINT.

    Raises:
        ValueError: The port is in use, or the line cannot be written.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: there Ctrl-C cancels the main task
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(emulator)
        except OSError as error:
            raise ValueError(f"cannot listen on port {emulator.port}: {error.strerror}") from error
        _say_ready(emulator)
        await stopped.wait()


def _say_ready(emulator: Emulator) -> None:
    ready = {"base_url": emulator.base_url, "api_key": emulator.api_key, "asset_url": emulator.asset_url}
    try:
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise ValueError(f"cannot write the emulator's address to standard output: {error.strerror}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status of the process.

    Raises:
        SystemExit: With status 2, after a message, for a wrong option; with status 0 after `--help`.
    """
    parser = argparse.ArgumentParser(prog="cometrunway emulator")
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except ValueError as error:
        parser.error(str(error))


def run(arguments: argparse.Namespace) -> int:
    """Run the emulator for these parsed options until SIGTERM or Ctrl-C; return the exit status.

    Raises:
        ValueError: An option is out of its range, or the port is in use.
    """
    emulator = emulator_of(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(emulator))
    return 0


def _add_origin(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="a loopback address (%(default)s)")
    group.add_argument("--port", type=int, default=0, help="the port of the API; 0, the default, takes any free one")
    group.add_argument("--asset-port", type=int, default=0, metavar="PORT", help="the port of the output files")
    group.add_argument("--storage-port", type=int, default=0, metavar="PORT", help="the port of the upload storage")
    group.add_argument("--api-key", default="sk-emulator", metavar="KEY", help="the key to accept (%(default)s)")


def _add_pace(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=0, help="the seed of durations, outcomes and faults (%(default)s)")
    group.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="the divisor of task durations (%(default)s)"
    )
    group.add_argument(
        "--median", type=float, default=8.0, metavar="SECONDS", help="the median of task durations (%(default)s)"
    )
    group.add_argument(
        "--sigma", type=float, default=0.35, help="the log-normal spread of task durations (%(default)s)"
    )
    group.add_argument(
        "--uniform",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="task durations are uniform between these seconds",
    )
    group.add_argument(
        "--max-running", type=int, metavar="N", help="how many tasks run at once; the others are THROTTLED"
    )
    group.add_argument(
        "--progress", choices=get_args(Progress), default="good", help="the progress in polls (%(default)s)"
    )
    group.add_argument(
        "--not-exist",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="for this time, a new task is task_not_exist (%(default)s)",
    )


def _add_behaviour(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--dialect", choices=get_args(DialectName), default="flat", help="the form of answers (%(default)s)"
    )
    group.add_argument(
        "--not-exist-form",
        choices=get_args(NotExistForm),
        default="400",
        help="the form of the answer task_not_exist (%(default)s)",
    )
    group.add_argument(
        "--failure-rate", type=float, default=0.0, metavar="RATE", help="the fraction of tasks that fail, 0..1"
    )
    group.add_argument("--balance", type=int, metavar="N", help="the number of creates until insufficient_user_quota")
    group.add_argument("--any-model", action="store_true", help="accept models and values that are not documented")
    group.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="OPERATION:FAULT=RATE",
        help="the rate of a fault; may be repeated",
    )
    group.add_argument(
        "--asset-lifetime", type=float, default=86_400.0, metavar="SECONDS", help="how long an output URL is valid"
    )
    group.add_argument(
        "--upload-lifetime",
        type=float,
        default=86_400.0,
        metavar="SECONDS",
        help="how long an uploaded file can be used",
    )
    group.add_argument("--stale-urls", action="store_true", help="polls repeat the first URL of an output")
    group.add_argument(
        "--callbacks",
        choices=get_args(CallbackPolicy),
        default="end",
        help="when to post to callback_url (%(default)s)",
    )
    group.add_argument(
        "--wrong-path", choices=get_args(WrongPath), default="json", help="the answer to an unknown path (%(default)s)"
    )
