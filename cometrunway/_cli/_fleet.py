"""The commands about what several processes share: `fleet migrate`."""

import argparse

from cometrunway._cli._commands import Commands, add_command, journal
from cometrunway._journal._stores import migrate
from cometrunway._terminal import say


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    fleet = commands.add_parser("fleet", help="set up what several processes share")
    fleet_commands = fleet.add_subparsers(required=True, metavar="COMMAND")
    migration = add_command(
        fleet_commands,
        "migrate",
        _migrate,
        summary="make the tables of a journal in PostgreSQL, or bring them to this version",
        details="In one transaction: nothing is changed if it fails, and a second run changes nothing. The role needs "
        "the right to create in the database, and must own tables that are there already. Another schema than "
        "cometrunway is named in the URL: ?schema=NAME.",
        example="cometrunway fleet migrate postgresql://me@localhost/shop",
    )
    migration.add_argument("journal", type=journal, metavar="URL", help="as postgresql://user@host:5432/database")


def _migrate(options: argparse.Namespace) -> int:
    before, after = migrate(options.journal)
    done = "nothing to do" if before == after else f"brought from version {before}" if before else "made"
    say(f"{options.journal}: schema {options.journal.schema}, version {after}: {done}")
    return 0
