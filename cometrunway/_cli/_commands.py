"""The common parts of all commands: how to add one, and the options of several of them."""

import argparse
import math
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cometrunway._journal._place import Place, is_url, place_of
from cometrunway._paths import expanded
from cometrunway._policies import PollPolicy
from cometrunway._wire._provider import BUILT_IN, COMETAPI, Provider, provider_of
from cometrunway.errors import JournalError

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Work = Callable[[argparse.Namespace], int]
"""Runs a command and returns the exit status."""
_OF_SESSIONS = (
    *("base_url", "output_dir", "template", "journal", "journal_timeout"),
    *("budget", "fit", "max_in_flight"),
)
"""Options that a command and `Session` have under the same name."""


def add_command(
    commands: "Commands[argparse.ArgumentParser]",
    name: str,
    work: Work,
    *,
    summary: str,
    details: str = "",
    example: str,
) -> argparse.ArgumentParser:
    """Add a command with an example at the end of its `--help`, and with the option `--debug`."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(details or f"{summary[0].upper()}{summary[1:]}.", 100),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="log what happens, and show the traceback of an error")
    parser.set_defaults(work=work, parser=parser)
    return parser


def add_output_dir(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add the option for the folder of files."""
    parser.add_argument("--output-dir", type=path, default=Path("outputs"), metavar="DIR", help="default: outputs")


def add_template(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add the option for the names of files."""
    parser.add_argument(
        "--template",
        metavar="TEXT",
        help="the names of files: {key}, {id}, {route}, {number} (of a task's files); / makes a folder; default: {key}",
    )


def add_base_url(parser: "argparse.ArgumentParser | argparse._MutuallyExclusiveGroup") -> None:
    """Add the option for another origin than the provider's."""
    parser.add_argument(
        "--base-url",
        type=_filled,
        metavar="URL",
        help="default: COMETRUNWAY_BASE_URL or RUNWAYML_BASE_URL, else the provider's origin",
    )


def add_provider(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add the option for the provider."""
    parser.add_argument(
        "--provider",
        default=COMETAPI.name,
        metavar="NAME",
        help=f"{', '.join(BUILT_IN)}, or a TOML file that describes one; default: {COMETAPI.name}",
    )


def add_network(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add the options of the network."""
    parser.add_argument(
        "--no-trust-env",
        action="store_true",
        help="ignore the environment's proxies and certificates",
    )
    parser.add_argument(
        "--allow-private-assets",
        action="store_true",
        help="download files from private addresses, such as 10.0.0.5, too",
    )


def session_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `Session` that a command was given."""
    given = {name: value for name in _OF_SESSIONS if (value := getattr(options, name, None)) is not None}
    if getattr(options, "polls_per_second", None) is not None:
        given["poll"] = PollPolicy(per_second=options.polls_per_second)
    network = {"trust_env": not options.no_trust_env, "allow_private_assets": options.allow_private_assets}
    return {**given, **network, "provider": provider(options)}


def add_prices(command: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add the option for the prices of models."""
    command.add_argument(
        "--price", type=path, metavar="FILE", help="estimate the cost: TOML with a price per second or image by model"
    )


def resume_command(options: argparse.Namespace) -> str:
    """Return the command that continues this journal's unfinished tasks, with the same folder and network options."""
    command = ["cometrunway", "resume", str(options.journal), "--output-dir", str(options.output_dir)]
    given = None if options.provider == COMETAPI.name else options.provider
    for name, value in (("--provider", given), ("--template", options.template), ("--base-url", options.base_url)):
        command += [name, value] if value is not None else []
    flags = ("--no-trust-env", options.no_trust_env), ("--allow-private-assets", options.allow_private_assets)
    return shlex.join([*command, *(name for name, is_set in flags if is_set)])


def add_journal(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the journal."""
    parser.add_argument("journal", type=journal, metavar="JOURNAL", help="the file or URL of `run --journal`")


def path(text: str) -> Path:
    """Read a path. A `~` is the home folder, even if the shell did not expand it, as in `--journal=~/shots.db`."""
    try:
        return expanded(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def journal(text: str) -> Place:
    """Read where a journal is."""
    try:
        return place_of(text) if is_url(text) else path(text)
    except JournalError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def shown(argument: str) -> str:
    """Return an argument of the command as it may be printed: without a password."""
    name, is_option, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return f"{name}{is_option}{journal(value)}" if is_url(value) else argument


def whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    """Return the function that reads a whole number within these bounds."""
    wanted = f"a whole number of at least {least}" if most == math.inf else f"from {least} to {most}"

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text!r}")
        return int(text)

    return read


def positive(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return value


def provider(options: argparse.Namespace) -> Provider:
    """Return the provider of `--provider`, a name or a file; `ValueError` if it is neither."""
    given: str = options.provider
    return Provider.from_toml(given) if given.endswith(".toml") else provider_of(given)


def _filled(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text
