"""What a fleet costs, and how it grows: `python -m tests.benchmarks.fleet [PART]`.

COMETRUNWAY_POSTGRES names the folder of PostgreSQL's programs, as `nox -s fleet` sets it. Server, database and workers
are processes of their own, and nothing is downloaded. The queue is filled with SQL. CPU is that of the workers'
processes, from their start to their end.

- `one` and `two` workers have so few places that places, and not CPUs, limit their throughput: on a machine of two
  cores, workers that are limited by CPU would take it from each other, from the database and from the server.
- `cpu` is one worker that is limited by nothing.
- `alone` is one session without a fleet that makes the same shots, for its polls.
- `rate` is the worst second of eight workers under a limit of creates. All workers run before the queue is filled.
- `memory` is that of a worker with a short and with a long queue.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from cometrunway import ImageToVideo, Session
from cometrunway._journal._place import PostgresUrl, place_of
from cometrunway.fleet import Fleet
from cometrunway.fleet._database import Database
from cometrunway.fleet._queue import to_json
from tests.benchmarks import machine
from tests.benchmarks.workload import IMAGE, KEY
from tests.fleet.workers import new_fleet
from tests.postgres import Server, running_server

SHOTS = 1500
PLACES = 40
"""Of a worker, where places limit it."""
RATE = 100.0
CLIP = {"shortest": 3.0, "longest": 6.0}
"""Seconds that a task takes."""
_FILL = """
WITH shots AS (
    INSERT INTO {schema}.queued (key, request, fingerprint, priority, price)
    SELECT 'shot-' || i, replace(%s, 'NUMBER', i::text), i::text, 0, 0 FROM generate_series(1, %s) AS i RETURNING key
)
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
SELECT '{schema}', 'cometrunway.submit', jsonb_build_object('key', key) FROM shots
"""


def url_of(dsn: str) -> PostgresUrl:
    """Return the place of a fleet."""
    place = place_of(dsn)
    assert isinstance(place, PostgresUrl)
    return place


async def fill(dsn: str, shots: int) -> None:
    """Queue so many shots."""
    url = url_of(dsn)
    request = to_json(ImageToVideo(prompt_image=IMAGE, prompt_text="the cat yawns, take NUMBER"))
    async with Database(url) as database:
        await database.rows(_FILL.format(schema=url.schema), (request, shots))


async def work(dsn: str, base_url: str, places: int) -> None:
    """Be a worker until SIGTERM; print what it took."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with Fleet(dsn).working(api_key=KEY, base_url=base_url, output_dir=None, max_in_flight=places):
        begun = machine.memory()
        print("it works", flush=True)
        await stopped.wait()
    print(json.dumps({"cpu": time.process_time(), "memory": machine.peak_memory(), "at first": begun}))


async def footprint(dsn: str) -> dict[str, int]:
    """Return how much the database has written so far, and how large the journal's rows are."""
    url = url_of(dsn)
    async with Database(url) as database:
        await database.rows("SELECT pg_stat_force_next_flush()")
        [(rows,)] = await database.rows(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_all_tables WHERE schemaname = %s "
            "OR relname LIKE 'procrastinate_%%'",
            (url.schema,),
        )
        [(commits,)] = await database.rows(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        [(size,)] = await database.rows("SELECT pg_total_relation_size(%s)", (f"{url.schema}.submission",))
    return {"writes": rows, "commits": commits, "size": size}


def worker(dsn: str, base_url: str, places: int) -> "subprocess.Popen[str]":
    """Start a worker."""
    command = [sys.executable, "-m", "tests.benchmarks.fleet", "work", dsn, base_url, str(places)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_until_it_works(process: "subprocess.Popen[str]") -> None:
    """Wait until a worker takes shots."""
    assert process.stdout is not None
    process.stdout.readline()


async def done(dsn: str, shots: int) -> int:
    """Wait until so many shots have ended, and return how many shots are queued still."""
    url = url_of(dsn)
    async with Database(url) as database:
        while True:
            [(ended,)] = await database.rows(f"SELECT count(*) FROM {url.schema}.submission WHERE ended_at IS NOT NULL")  # noqa: S608 - ours
            if ended >= shots:
                [(queued,)] = await database.rows(f"SELECT count(*) FROM {url.schema}.queued")  # noqa: S608 - ours
                return int(queued)
            await asyncio.sleep(0.1)


def worst_second(times: list[float]) -> int:
    """Return the greatest number of these times within any second."""
    times = sorted(times)
    return max((bisect_left(times, at + 1) - number for number, at in enumerate(times)), default=0)


def run(
    database: Server,
    *,
    workers: int,
    places: int,
    shots: int = SHOTS,
    queued: int = 0,
    rate: float | None = None,
) -> dict[str, Any]:
    """Let some workers make so many of the queued shots; return what it took."""
    dsn = new_fleet(database, lease=30)

    async def limit() -> None:
        async with Fleet(dsn) as fleet:
            await fleet.set_limits(creates_per_second=rate)

    asyncio.run(limit())
    with machine.server(**CLIP) as base_url:
        processes = [worker(dsn, base_url, places) for _ in range(workers)]
        for process in processes:
            wait_until_it_works(process)
        before = asyncio.run(footprint(dsn))
        asyncio.run(fill(dsn, max(shots, queued)))
        left = asyncio.run(done(dsn, shots))
        books = machine.books(base_url)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        told = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    after = asyncio.run(footprint(dsn))
    begins, ends = sorted(books["begins"]), sorted(books["ends"].values())
    made = len(begins) if left else shots
    return {
        "workers": workers,
        "shots": shots,
        "queued": max(shots, queued),
        "per second": round(shots / (ends[shots - 1] - begins[0]), 1),
        "cpu ms per shot": round(1000 * sum(each["cpu"] for each in told) / made, 2),
        "polls per shot": round(books["polls"] / made, 2),
        "rows written per shot": round((after["writes"] - before["writes"]) / made, 1),
        "commits per shot": round((after["commits"] - before["commits"]) / made, 1),
        "bytes per shot": round(after["size"] / made),
        "worst second": worst_second(begins),
        "memory MB": round(max(each["memory"] for each in told) / 1e6, 1),
        "grown MB": round(max(each["memory"] - each["at first"] for each in told) / 1e6, 1),
    }


async def alone(base_url: str, places: int, shots: int) -> None:
    """Make shots in one session without a fleet and without a journal."""
    async with Session(KEY, base_url=base_url, output_dir=None, max_in_flight=places) as runway:
        async for handle in runway.map(
            ImageToVideo(prompt_image=IMAGE, prompt_text=f"the cat yawns, take {number}") for number in range(shots)
        ):
            await handle


def polls_alone(places: int, shots: int) -> dict[str, Any]:
    """Return the polls of one session that makes the same shots."""
    with machine.server(**CLIP) as base_url:
        asyncio.run(alone(base_url, places, shots))
        return {"polls per shot": round(machine.books(base_url)["polls"] / shots, 2)}


def main() -> None:
    """Print each figure as one line of JSON."""
    with running_server() as database:
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "one": lambda: run(database, workers=1, places=PLACES, shots=300),
            "two": lambda: run(database, workers=2, places=PLACES, shots=600),
            "alone": lambda: polls_alone(PLACES, 300),
            "cpu": lambda: run(database, workers=1, places=2000),
            "rate": lambda: run(database, workers=8, places=200, rate=RATE),
            "memory, short queue": lambda: run(database, workers=1, places=200, shots=1000),
            "memory, long queue": lambda: run(database, workers=1, places=200, shots=1000, queued=100_000),
        }
        for name, measured in parts.items():
            if len(sys.argv) < 2 or name.startswith(sys.argv[1]):
                print(json.dumps({"what": name, **measured()}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        asyncio.run(work(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        main()
