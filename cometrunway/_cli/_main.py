"""The `cometrunway` command."""

import argparse
import io
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, TextIO

from cometrunway import emulator
from cometrunway._batch._cures import for_the_command
from cometrunway._batch._files import BatchFileError
from cometrunway._cli import _answers, _batches, _completion, _fleet, _gallery, _journals, _report, _resumption, _worker
from cometrunway._cli._bundle import installed_version
from cometrunway._cli._commands import Commands, add_command, shown
from cometrunway._cli._supervision import INTERRUPTED
from cometrunway._journal._place import without_passwords
from cometrunway._terminal import say, writing
from cometrunway.errors import CometRunwayError

_STATUSES = (
    "exit status: 0 all delivered, 1 a shot was not delivered, 2 wrong usage or a bad file, 70 a bug, 130 interrupted"
)
_MISTAKES = (BatchFileError, ValueError)
"""Errors that the user can correct. They are shown in one line."""


def command() -> None:
    """Run the command, and end the process with its status."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as ended:  # by argparse, which has printed its help or an error
        status = ended.code if isinstance(ended.code, int) else 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and done
    sys.exit(_flushed(status))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    _open_closed_streams()
    arguments = sys.argv[1:] if argv is None else list(argv)
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        options.parser.error(_unrecognized(unknown, options.parser))
    options.arguments = [shown(argument) for argument in arguments]
    if options.debug:
        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s", handlers=[_LogOfTheMoment()])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show must not stop a batch
    try:
        status: int = options.work(options)
    except CometRunwayError as error:
        return _complain(f"{error} [{error.help}]", 2, debug=options.debug)
    except _MISTAKES as error:
        return _complain(str(error), 2, debug=options.debug)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _complain(_unusable(error), 2, debug=options.debug)
    except Exception as bug:  # noqa: BLE001 - the last handler; --debug shows the traceback
        return _complain(f"a bug of cometrunway: {bug!r}; --debug shows where", 70, debug=options.debug)
    return status


def _flushed(status: int) -> int:
    """Flush the streams, so that this does not fail when Python ends; return the exit status."""
    try:
        with writing(sys.stdout):
            pass
    except OSError as error:
        status = status or _complain(_unusable(error), 2, debug=False)
    with suppress(OSError), writing(sys.stderr):
        pass
    return status


def _unusable(error: OSError) -> str:
    place = f" {error.filename}" if error.filename else ""
    return f"cannot read or write{place}: {error.strerror}"


def _open_closed_streams() -> None:
    """Open the null device for each stream that was closed, so that no file opened later gets its output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the process ends


class _LogOfTheMoment(logging.StreamHandler[TextIO]):
    """Writes to the present standard error, which a live display replaces by its own stream."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


def _complain(message: str, status: int, *, debug: bool) -> int:
    if debug:
        say(traceback.format_exc().rstrip("\n"), sys.stderr)
    say(f"cometrunway: error: {for_the_command(message)}", sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    """Complains about an argument in two lines, without the password of a URL, and suggests what is meant."""

    def error(self, message: str) -> NoReturn:
        """Complain, and end."""
        complaint = f"{self.prog}: error: {without_passwords(message)}{_meant_choice(message)}"
        self.exit(2, f"{complaint}\n`{self.prog} --help` explains the arguments.\n")


def _meant_choice(message: str) -> str:
    wrong = re.search(r"invalid choice: '(?P<given>.*?)' \(choose from (?P<choices>.*)\)", message)
    return _did_you_mean(wrong["given"], re.findall(r"[\w-]+", wrong["choices"])) if wrong else ""


def _unrecognized(arguments: Sequence[str], parser: argparse.ArgumentParser) -> str:
    options = [name for action in parser._actions for name in action.option_strings]  # noqa: SLF001 - no public way
    misspelt = next((argument.partition("=")[0] for argument in arguments if argument.startswith("--")), "")
    return f"unrecognized arguments: {' '.join(arguments)}{_did_you_mean(misspelt, options)}"


def _did_you_mean(given: str, known: Sequence[str]) -> str:
    close = get_close_matches(given, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="cometrunway",
        description="Batches of paid Runway tasks: submitted, waited for, downloaded. The key comes from COMETAPI_KEY, "
        "or from the variable of another --provider, such as RUNWAYML_API_SECRET.",
        epilog=_STATUSES,
    )
    parser.add_argument("--version", action="version", version=f"cometrunway {installed_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _batches.add_to(commands)
    _resumption.add_to(commands)
    _journals.add_to(commands)
    _report.add_to(commands)
    _gallery.add_to(commands)
    _answers.add_to(commands)
    _fleet.add_to(commands)
    _worker.add_to(commands)
    _add_emulator(commands)
    _completion.add_to(commands, parser)
    return parser


def _add_emulator(commands: "Commands[argparse.ArgumentParser]") -> None:
    served = add_command(
        commands, "emulator", emulator.run, summary="run a server on this machine that behaves like the API", example=""
    )
    emulator.add_arguments(served)
