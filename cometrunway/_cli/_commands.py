"""What all commands have in common: how one is added, and the options that several of them take."""

import argparse
import math
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path

from cometrunway._paths import expanded
from cometrunway._wire._provider import BUILT_IN, COMETAPI, Provider, provider_of

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Work = Callable[[argparse.Namespace], int]
"""Does what a command is for; returns the exit status."""


def add_command(
    commands: "Commands[argparse.ArgumentParser]",
    name: str,
    work: Work,
    *,
    summary: str,
    details: str = "",
    example: str,
) -> argparse.ArgumentParser:
    """Add a command whose `--help` ends with an example, and which takes `--debug`."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(details or f"{summary[0].upper()}{summary[1:]}.", 100),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="log what happens, and show the traceback of an error")
    parser.set_defaults(work=work)
    return parser


def add_output_dir(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add where files go."""
    parser.add_argument("--output-dir", type=path, default=Path("outputs"), metavar="DIR", help="default: outputs")


def add_template(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add what files are called."""
    parser.add_argument(
        "--template",
        metavar="TEXT",
        help="what files are called: {key}, {id}, {route}, {number} (of a task's files); / makes a folder; "
        "default: {key}",
    )


def add_base_url(parser: "argparse.ArgumentParser | argparse._MutuallyExclusiveGroup") -> None:
    """Add where the API is, if not at its provider's origin."""
    parser.add_argument(
        "--base-url",
        type=_filled,
        metavar="URL",
        help="default: COMETRUNWAY_BASE_URL or RUNWAYML_BASE_URL, else the provider's origin",
    )


def add_provider(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add whose API it is."""
    parser.add_argument(
        "--provider",
        default=COMETAPI.name,
        metavar="NAME",
        help=f"{', '.join(BUILT_IN)}, or a TOML file that describes one; default: {COMETAPI.name}",
    )


def add_network(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add what of the network counts."""
    parser.add_argument(
        "--no-trust-env",
        action="store_true",
        help="ignore the environment's proxies and certificates",
    )
    parser.add_argument(
        "--allow-private-assets", action="store_true", help="fetch files from private addresses, such as 10.0.0.5, too"
    )


def network_options(options: argparse.Namespace) -> dict[str, bool]:
    """Return what `Session` is to make of it."""
    return {"trust_env": not options.no_trust_env, "allow_private_assets": options.allow_private_assets}


def add_prices(command: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add what models cost."""
    command.add_argument(
        "--price", type=path, metavar="FILE", help="estimate the cost: TOML with a price per second or image by model"
    )


def resume_command(options: argparse.Namespace) -> str:
    """Return the command that finishes what the journal of this one owes, to the same place, over the same network."""
    command = ["cometrunway", "resume", str(options.journal), "--output-dir", str(options.output_dir)]
    given = None if options.provider == COMETAPI.name else options.provider
    for name, value in (("--provider", given), ("--template", options.template), ("--base-url", options.base_url)):
        command += [name, value] if value is not None else []
    flags = ("--no-trust-env", options.no_trust_env), ("--allow-private-assets", options.allow_private_assets)
    return shlex.join([*command, *(name for name, is_set in flags if is_set)])


def add_journal(parser: argparse.ArgumentParser) -> None:
    """Add the journal that the command is about."""
    parser.add_argument("journal", type=path, metavar="JOURNAL", help="the file that `run --journal` made")


def path(text: str) -> Path:
    """Read a path; `~` is a home folder, also where no shell has seen it, as in `--journal=~/shots.db`."""
    try:
        return expanded(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    """Return what reads a whole number within these bounds."""
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
    """Return the provider that `--provider` names or describes; `ValueError` if it does neither."""
    given: str = options.provider
    return Provider.from_toml(given) if given.endswith(".toml") else provider_of(given)


def _filled(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text
