"""The commands about what several processes share: `fleet` and its own commands."""

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import asdict

from cometrunway._cli._commands import Commands, add_command, journal, positive, provider, whole
from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._stores import migrate
from cometrunway._plurals import counted
from cometrunway._requests._shot import Shot
from cometrunway._terminal import say
from cometrunway.errors import CometRunwayError, KeyConflictError

if TYPE_CHECKING:
    from cometrunway.fleet import Fleet, FleetStatus, Limit

_BETWEEN_QUERIES = 2.0
"""Seconds."""


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    fleet = commands.add_parser("fleet", help="set up and show what several processes share")
    fleet_commands = fleet.add_subparsers(required=True, metavar="COMMAND")
    migration = add_command(
        fleet_commands,
        "migrate",
        _migrate,
        summary="make the tables of a journal in PostgreSQL, or bring them to this version",
        details="It is one transaction: nothing is changed if it fails, and a second run changes nothing. The role "
        "needs the right to create in the database, and must own tables that are there already. Name another schema "
        "than cometrunway in the URL: ?schema=NAME. With the extra `fleet`, the tables of its queue are made too.",
        example="cometrunway fleet migrate postgresql://me@localhost/shop",
    )
    _add_url(migration)
    _add_status(fleet_commands)
    _add_changes(fleet_commands)


def _add_status(commands: "Commands[argparse.ArgumentParser]") -> None:
    status = add_command(
        commands,
        "status",
        _status,
        summary="show the workers, the queue, the limits and the tenants",
        example="cometrunway fleet status postgresql://me@localhost/shop --watch",
    )
    _add_url(status)
    shown = status.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="as one JSON object")
    shown.add_argument("--watch", action="store_true", help="again every two seconds, until Ctrl-C")


def _add_changes(commands: "Commands[argparse.ArgumentParser]") -> None:
    limits = add_command(
        commands,
        "limits",
        _limits,
        summary="set what all workers together may send; a limit that is not given is removed",
        example="cometrunway fleet limits postgresql://me@localhost/shop --creates-per-second 5 --creates-at-once 20",
    )
    _add_url(limits)
    limits.add_argument("--creates-per-second", type=positive, metavar="N")
    limits.add_argument("--creates-at-once", type=whole(1), metavar="N")
    limits.add_argument("--polls-per-second", type=positive, metavar="N")
    limits.add_argument("--none", action="store_true", help="remove all limits")
    tenant = add_command(
        commands,
        "tenant",
        _tenant,
        summary="make a tenant, or change its budget; what is not given stays as it is",
        example="cometrunway fleet tenant postgresql://me@localhost/shop acme --creates 1000",
    )
    _add_url(tenant)
    tenant.add_argument("name", metavar="NAME")
    budget = tenant.add_mutually_exclusive_group()
    budget.add_argument("--creates", type=whole(0), metavar="N", help="its largest number of creates")
    budget.add_argument("--none", action="store_true", help="remove all limits of its budget, also that of money")
    for name, work, summary in (
        ("pause", _pause, "stop creates, of one tenant or of all"),
        ("unpause", _unpause, "allow creates again, of one tenant or of all"),
    ):
        command = add_command(
            commands, name, work, summary=summary, example=f"cometrunway fleet {name} postgresql://me@localhost/shop"
        )
        _add_url(command)
        command.add_argument("--tenant", metavar="NAME", help="default: all")


def queue(shots: Sequence[Shot], options: argparse.Namespace) -> int:
    """Queue shots for the workers of `--dsn`, and wait for all; return the exit status."""
    failed: list[str] = []

    async def queue_and_wait(fleet: "Fleet") -> None:
        added = await _added(fleet, shots)
        failed.extend(shot.key for shot in shots if shot.key not in added)
        say(_counted(added, len(failed)), sys.stderr)
        with suppress(CometRunwayError):  # a role that only queues may not read them
            if not (await fleet.status()).workers:
                say(f"no worker runs now; to start one:  cometrunway worker --dsn {options.dsn}", sys.stderr)
        for key in added:
            try:
                files = await fleet.result(key)
            except CometRunwayError as error:
                failed.append(key)
                say(f"{key}: {error}", sys.stderr)
            else:
                for file in () if options.quiet else files:
                    say(f"{key}  {file.path or file.location or file.url}")

    _opened(options.dsn, queue_and_wait, provider=provider(options))
    say(f"{len(shots) - len(failed)} delivered; {len(failed)} failed, in doubt or refused", sys.stderr)
    return 1 if failed else 0


async def _added(fleet: "Fleet", shots: Sequence[Shot]) -> dict[str, bool]:
    """Queue shots; return for the key of each whether it is new, without those whose key belongs to another request."""
    added: dict[str, bool] = {}
    for shot in shots:
        try:
            is_new = await fleet.submit(shot.request, key=shot.key)
            added[shot.key] = added.get(shot.key, False) or is_new
        except KeyConflictError as error:
            say(f"{shot.key}: {error}", sys.stderr)
        except CometRunwayError:
            count = sum(added.values())
            say(f"{count} queued before this error, which workers make; the same command queues the others", sys.stderr)
            raise
    return added


def _counted(added: Mapping[str, bool], not_queued: int) -> str:
    new = sum(added.values())
    others = f", {not_queued} not queued" if not_queued else ""
    return (
        f"{new} queued, {len(added) - new} queued or submitted before{others}; Ctrl-C ends this wait only: the workers "
        "continue"
    )


def _add_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "journal", type=journal, metavar="URL", help="the database: postgresql://user@host:5432/database"
    )


def _migrate(options: argparse.Namespace) -> int:
    before, after = migrate(options.journal)
    done = "nothing to do" if before == after else f"brought from version {before}" if before else "made"
    say(f"{options.journal}: schema {options.journal.schema}, version {after}: {done}")
    with suppress(ModuleNotFoundError):
        from cometrunway.fleet._engine import make_tables  # noqa: PLC0415 - needs an extra

        say(f"{options.journal}: the queue's tables: {'made' if make_tables(options.journal) else 'nothing to do'}")
    return 0


def fleet_type() -> "type[Fleet]":
    """Return the class; `ValueError` if its extra is missing."""
    try:
        from cometrunway.fleet import Fleet  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from error
    return Fleet


def _opened(url: PostgresUrl, act: "Callable[[Fleet], Awaitable[None]]", **options: Any) -> int:
    fleet_of = fleet_type()

    async def run() -> None:
        async with fleet_of(url, **options) as fleet:
            await act(fleet)

    asyncio.run(run())
    return 0


def _status(options: argparse.Namespace) -> int:
    async def show(fleet: "Fleet") -> None:
        while True:
            status = await fleet.status()
            if options.json:
                say(json.dumps(asdict(status), default=str))
                return
            is_terminal = options.watch and sys.stdout.isatty()
            say(("\x1b[H\x1b[J" if is_terminal else "") + "\n".join(_lines(status)))
            if not options.watch:
                return
            await asyncio.sleep(_BETWEEN_QUERIES)

    return _opened(options.journal, show)


def _lines(status: "FleetStatus") -> Iterator[str]:
    in_flight = sum(worker.in_flight for worker in status.workers)
    workers = counted(len(status.workers), "worker")
    yield f"{workers}, {in_flight} in flight, {status.queued} queued, {status.paused} of paused tenants"
    counts = ", ".join(f"{count} {state}" for state, count in sorted(status.counts.items()) if count)
    yield f"submissions that are not on disk: {counts or 'none'}"
    yield f"creates: {_limit(status.creates)}; polls: {_limit(status.polls)}"
    for worker in status.workers:
        since = f"{worker.started_at:%Y-%m-%d %H:%M:%S}"
        yield f"  {worker.name}: {worker.in_flight} of {worker.max_in_flight} in flight, since {since}"
    for tenant in status.tenants:
        creates = f"{tenant.used_creates} of {'any number' if tenant.creates is None else tenant.creates} creates"
        money = "" if tenant.money is None else f", {tenant.used_money} of {tenant.money}"
        yield f"  tenant {tenant.name}: {creates}{money}{', paused' if tenant.is_paused else ''}"


def _limit(limit: "Limit") -> str:
    rate = "no limit" if limit.per_second is None else f"{limit.per_second:g} a second"
    at_once = "" if limit.at_once is None else f", {limit.at_once} at once"
    return f"{rate}{at_once}{', paused' if limit.is_paused else ''}"


def _changed(options: argparse.Namespace, change: "Callable[[Fleet], Awaitable[None]]") -> int:
    """Make a change, and show the limits and the tenants that there are now."""

    async def change_and_show(fleet: "Fleet") -> None:
        await change(fleet)
        say("\n".join(_lines(await fleet.status())))

    return _opened(options.journal, change_and_show)


def _limits(options: argparse.Namespace) -> int:
    names = ("creates_per_second", "creates_at_once", "polls_per_second")
    limits = {name: getattr(options, name) for name in names}
    if options.none != (set(limits.values()) == {None}):
        raise ValueError(
            "give the new limits, or --none to remove all; nothing was changed. `cometrunway fleet status` shows the "
            "present ones"
        )
    return _changed(options, lambda fleet: fleet.set_limits(**limits))


def _tenant(options: argparse.Namespace) -> int:
    limits = {"creates": math.inf, "money": math.inf} if options.none else {"creates": options.creates}
    return _changed(options, lambda fleet: fleet.set_tenant(options.name, **limits))


def _pause(options: argparse.Namespace) -> int:
    return _changed(options, lambda fleet: fleet.pause(options.tenant))


def _unpause(options: argparse.Namespace) -> int:
    return _changed(options, lambda fleet: fleet.unpause(options.tenant))
