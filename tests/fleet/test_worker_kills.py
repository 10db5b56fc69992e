"""Workers that die and databases that restart: each shot is bought once, or in doubt, and none is forgotten."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from cometrunway import ProGenerate, Shot
from cometrunway.fleet import Fleet
from tests.batch_process import shots
from tests.callbacks.hooks import mounted
from tests.emulator_process import EmulatorProcess, check_books, running_emulator
from tests.fleet.workers import entries, new_fleet, queue, until, worker, worker_with_callbacks
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
KILLS = int(os.environ.get("COMETRUNWAY_KILLS", "6"))
BETWEEN_KILLS = 2.0
SHOTS_PER_KILL = 15
WORKERS = 3
LEASE = 3
STOPS = max(1, KILLS // 3)


async def is_done(dsn: str) -> bool:
    """Whether nothing is queued, and all that was submitted has ended."""
    async with Fleet(dsn) as fleet:
        status = await fleet.status()
    return status.queued == 0 and not any(status.counts.get(state) for state in status.counts if state not in ENDED)


ENDED = ("in_doubt", "failed", "cancelled", "refused")


async def killed(start: "Callable[[], subprocess.Popen[bytes]]") -> "list[subprocess.Popen[bytes]]":
    """Start workers, and kill and replace a random one again and again; return those that live at the end."""
    rng, workers = Random(KILLS), [start() for _ in range(WORKERS)]
    for _ in range(KILLS):
        await asyncio.sleep(BETWEEN_KILLS)
        place = rng.randrange(WORKERS)
        workers[place].kill()
        workers[place].wait()
        workers[place] = start()
    return workers


def stop(workers: "list[subprocess.Popen[bytes]]") -> None:
    """Tell workers to stop; each ends well."""
    for process in workers:
        process.terminate()
    assert [process.wait(10) for process in workers] == [0] * len(workers)


async def test_a_killed_worker_loses_nothing(postgres: Server, tmp_path: Path) -> None:
    """A random one is killed every two seconds: what is paid for and what is in doubt are all shots, and none twice."""
    count = SHOTS_PER_KILL * KILLS
    dsn = new_fleet(postgres, lease=LEASE)
    with running_emulator(create_seconds=0.3) as emulator:
        async with Fleet(dsn) as fleet:
            await fleet.set_limits(creates_per_second=SHOTS_PER_KILL / BETWEEN_KILLS)
        await queue(dsn, shots(tmp_path, count))
        begun = time.monotonic()
        workers = await killed(lambda: worker(emulator, dsn, tmp_path))
        await until(lambda: is_done(dsn))
        took = time.monotonic() - begun
        stop(workers)
        books, found = emulator.books(), entries(dsn)
        check_books(books, found, tmp_path, count)
        in_doubt = sum(entry.is_in_doubt for entry in found.values())
        print(f"{KILLS} kills, {count} shots in {took:.0f} s: {len(books['entries'])} billed, {in_doubt} in doubt")


async def test_a_stopped_worker_buys_nothing_again_when_it_goes_on(postgres: Server, tmp_path: Path) -> None:
    """It stands still for longer than its lease, and others have its tasks and jobs by then: every doubt ends."""
    count, rng = SHOTS_PER_KILL * STOPS, Random(STOPS)
    dsn = new_fleet(postgres, lease=LEASE)
    with running_emulator(create_seconds=0.3) as emulator:
        async with Fleet(dsn) as fleet:
            await fleet.set_limits(creates_per_second=5)
        await queue(dsn, shots(tmp_path, count))
        workers = [worker(emulator, dsn, tmp_path) for _ in range(WORKERS)]
        for number in range(STOPS):
            await until(lambda wanted=number * SHOTS_PER_KILL: is_submitted(dsn, wanted + 3))  # type: ignore[misc]  # mypy knows no defaults of lambdas
            stopped = rng.choice(workers)
            stopped.send_signal(signal.SIGSTOP)
            await asyncio.sleep(LEASE + 2)
            stopped.send_signal(signal.SIGCONT)
        await until(lambda: is_done(dsn))
        stop(workers)
        books, found = emulator.books(), entries(dsn)
    check_books(books, found, tmp_path, count)
    assert books["creates"]["accepted"] == count
    assert not any(entry.is_in_doubt for entry in found.values())


async def test_callbacks_end_the_doubts_of_killed_workers(postgres: Server, tmp_path: Path) -> None:
    """As before, and every create that has arrived is known at the end, because its callback reached one that lives."""
    count = SHOTS_PER_KILL * KILLS
    dsn = new_fleet(postgres, lease=LEASE)
    with running_emulator(create_seconds=0.5) as emulator:
        async with Fleet(dsn) as fleet:
            await fleet.set_limits(creates_per_second=SHOTS_PER_KILL / BETWEEN_KILLS)
        await queue(
            dsn, [Shot(f"shot-{number}", ProGenerate(prompt=f"a cat, take {number}")) for number in range(count)]
        )
        key, base_url = emulator.environment["COMETAPI_KEY"], emulator.base_url
        async with mounted() as receiver:
            working = Fleet(dsn).working(
                api_key=key, base_url=base_url, output_dir=tmp_path / "out", callbacks=receiver, max_in_flight=5
            )
            async with working:
                workers = await killed(lambda: worker_with_callbacks(emulator, dsn, tmp_path, receiver.public_url))
                await until(lambda: is_done(dsn))
                await until(lambda: is_known(dsn, emulator))
                stop(workers)
        books, found = emulator.books(), entries(dsn)
    assert len(found) == count
    ids = [entry.task_id for entry in found.values() if entry.task_id]
    assert len({*ids}) == len(ids) == books["creates"]["accepted"]
    in_doubt = sum(entry.is_in_doubt for entry in found.values())
    print(f"{KILLS} kills, {count} shots with callbacks: {len(ids)} billed, all known; {in_doubt} never arrived")


async def is_known(dsn: str, emulator: EmulatorProcess) -> bool:
    """Whether the journal has an id for each create that was accepted."""
    ids = [entry for entry in entries(dsn).values() if entry.task_id]
    return len(ids) == emulator.books()["creates"]["accepted"] and await is_done(dsn)


async def test_a_database_that_restarts_is_waited_for(postgres: Server, tmp_path: Path) -> None:
    """It crashes twice in mid-run: every shot is bought once, none is in doubt, and no worker ends."""
    count = SHOTS_PER_KILL * 4
    dsn = new_fleet(postgres, lease=LEASE)
    with running_emulator(create_seconds=0.2) as emulator:
        async with Fleet(dsn) as fleet:
            await fleet.set_limits(creates_per_second=10)
        await queue(dsn, shots(tmp_path, count))
        workers = [worker(emulator, dsn, tmp_path) for _ in range(WORKERS)]
        for submitted in (count // 3, 2 * count // 3):
            await until(lambda wanted=submitted: is_submitted(dsn, wanted))  # type: ignore[misc]  # mypy knows no defaults of lambdas
            postgres.stop("immediate")
            postgres.start()
        await until(lambda: is_done(dsn))
        assert [process.poll() for process in workers] == [None] * WORKERS
        stop(workers)
        books, found = emulator.books(), entries(dsn)
        check_books(books, found, tmp_path, count)
        assert books["creates"]["accepted"] == count
        assert not any(entry.is_in_doubt for entry in found.values())


async def is_submitted(dsn: str, count: int) -> bool:
    """Whether so many shots were submitted."""
    return len(entries(dsn)) >= count


async def test_a_worker_that_is_told_to_stop_hands_over_within_three_seconds(postgres: Server, tmp_path: Path) -> None:
    """Another worker polls its unfinished tasks on, and downloads their files; nothing is bought again."""
    count, dsn = 30, new_fleet(postgres, lease=600)
    with running_emulator(create_seconds=0.1, median=8) as emulator:
        await queue(dsn, shots(tmp_path, count))
        first = worker(emulator, dsn, tmp_path)
        await until(lambda: is_submitted(dsn, count))
        second = worker(emulator, dsn, tmp_path)
        first.terminate()
        begun = time.monotonic()
        assert first.wait(10) == 0
        assert time.monotonic() - begun < 3
        await until(lambda: is_done(dsn))
        second.terminate()
        assert second.wait(10) == 0
        check_books(emulator.books(), entries(dsn), tmp_path, count)
        assert emulator.books()["creates"]["accepted"] == count
