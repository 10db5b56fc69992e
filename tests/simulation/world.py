"""A hostile world in one process: the real session against a simulated network, server, disk and clock.

One seed is one run and one verdict. `python -m tests.simulation.world --seed N` replays a seed; `--seeds N` tries so
many from `--first` on; `--trace` prints what happened; `--shrink` makes a failing seed small.
"""

import argparse
import asyncio
import gc
import io
import logging
import math
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field, frozen

from cometrunway import CometRunwayError, ImageToVideo, PollPolicy, Session, Shot, TextToImage
from cometrunway._events import Event
from cometrunway.emulator import Emulator
from cometrunway.emulator._task_maker import LogNormal
from tests.simulation import invariants
from tests.simulation.chance import Chance, Trace
from tests.simulation.disk import SimulatedDisk
from tests.simulation.loop import DeadlockError, EndlessError, SimulatedLoop
from tests.simulation.network import SimulatedNetwork
from tests.simulation.plan import Life, Plan
from tests.simulation.server import SimulatedServer
from tests.simulation.shrink import smallest

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folders in it are made by tempfile
"""Where files cost no disk, on Linux."""
_CALM = Life()


class UserError(Exception):
    """An error of the program that uses the package."""


@frozen
class Verdict:
    """What came of one run."""

    plan: Plan
    violations: tuple[str, ...]
    digest: str
    struck: tuple[tuple[int, str], ...]
    counts: Counter[str]
    lines: tuple[str, ...] = field(repr=False, default=())


@define(eq=False)
class LifeRecord:
    """What one life of the process came to."""

    life: Life
    is_calm: bool
    outcomes: dict[str, list[object]] = field(factory=dict)
    """By key, what awaiting each handle gave: assets, or an error."""
    ids: dict[str, str] = field(factory=dict)
    events: list[Event] = field(factory=list)
    tokens: tuple[str, ...] = ()
    """Of the tasks that leaving the block named as owed or unrecorded."""
    error: BaseException | None = None
    written: str = ""
    """To standard error."""
    is_whole: bool = False
    """Whether the program ran to its end."""
    is_dead: bool = False
    first_turn: int = 0
    """The number of the network's first turn in this life."""
    ended_at: float = 0.0


class World:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, *, traced: bool = False) -> None:
        self.plan = plan
        self.chance = Chance(plan.seed, plan.kept)
        self.trace = Trace(keeps=traced)
        self.loop = SimulatedLoop()
        self.network = SimulatedNetwork(self.loop, self.chance, self.trace, _CALM.network)
        self.folder = folder / "machine"
        self.disk = SimulatedDisk(self.loop, self.chance, self.trace, self.folder, _CALM.disk, self._died)
        self.loop.network, self.loop.disk = self.network, self.disk
        self.violations: list[str] = []
        self.records: list[LifeRecord] = []
        self.emulator = Emulator(
            seed=plan.seed,
            repeat_ids=True,
            duration=LogNormal(median=plan.seconds, sigma=0.5),
            failure_rate=plan.failure_rate,
            not_exist_seconds=plan.not_exist_seconds,
            asset_lifetime=plan.asset_lifetime,
        )
        self.server = SimulatedServer(self.disk)
        self.died_at = 0.0
        self.cancelled = 0
        """How often the user's task was cancelled."""
        self._user: asyncio.Task[Any] | None = None

    def run(self) -> Verdict:
        """Let it happen."""
        self.folder.mkdir()
        self.loop.set_exception_handler(self._unhandled)
        enabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            with (
                warnings.catch_warnings(action="ignore"),
                self.disk.mounted(),
                self.server.mounted(),
                _hooked(self.violations),
            ):
                asyncio.set_event_loop(self.loop)
                self.loop.run_until_complete(self._run())
        except (DeadlockError, EndlessError) as error:
            self.violations.append(f"hangs: {error}")
        finally:
            logging.disable(enabled)
            with suppress(DeadlockError, EndlessError):
                self._clean_up()
            asyncio.set_event_loop(None)
        self.trace.note(self.loop.now, "end", self.loop.turns)
        counts = Counter(what.partition(" #")[0] for _, what in self.chance.struck)
        counts["cancelled"] = self.cancelled
        counts["creates"] = self.emulator.creates.received
        counts["billed"] = self.emulator.creates.accepted
        return Verdict(
            self.plan,
            tuple(self.violations),
            self.trace.digest,
            tuple(self.chance.struck),
            counts,
            tuple(self.trace.lines),
        )

    def shots(self) -> list[Shot]:
        """Return what the user wants: each shot's body is its own."""
        return [Shot(f"shot-{number}", self._request(number)) for number in range(self.plan.shots)]

    def _request(self, number: int) -> Any:
        text = f"{self.plan.seed}/{number}"
        if self.plan.videos:
            return ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=text)
        return TextToImage(
            prompt_text=text,
            reference_images=[{"uri": "https://example.com/cat.jpg", "tag": "cat"}],
            ratio="1024:1024",
            output_count=self.plan.files,
        )

    def session(self, record: LifeRecord) -> Session:
        """Return the session of a life."""
        plan = self.plan
        return Session(
            self.emulator.api_key,
            base_url=self.emulator.base_url,
            output_dir=self.folder / "out",
            journal=self.folder / "shots.db" if plan.has_journal else None,
            journal_timeout=0.0,
            max_in_flight=plan.in_flight,
            max_creates=plan.creates,
            poll=PollPolicy(per_second=plan.per_second),
            trust_env=False,
            telemetry=False,
            on_event=partial(self._observe, record),
            rng=Random(plan.seed),
            close_wait=3.0 if record.life.end == "leaves" else float("inf"),
        )

    async def _run(self) -> None:
        self.emulator._picker = self.server  # type: ignore[assignment]  # it chooses the faults
        async with self.emulator:
            self.server.expire = self.emulator.expire_assets
            for life in self.plan.lives:
                await self._live(life, is_calm=False)
            if self.plan.has_journal:
                await self._live(_CALM, is_calm=True)
                creates = self.emulator.creates.received
                await self._live(_CALM, is_calm=True)
                if self.emulator.creates.received != creates:
                    self.violations.append("a rerun from a journal in which all is settled sends creates again")
            await invariants.check(self)

    async def _live(self, life: Life, *, is_calm: bool) -> None:
        """Let the process live once, and hold what it leaves behind against the invariants."""
        record = LifeRecord(life, is_calm, first_turn=len(self.network.turns))
        self.records.append(record)
        self.chance.calm = is_calm
        self.network.rates, self.disk.rates = life.network, life.disk
        self.server.rate = life.faults
        timers = [self.loop.call_later(life.trouble, self._calm_down), *self.server.plan_waves(life)]
        before = invariants.Open.now(self)
        self.disk.is_dead = False
        self.disk.dies_at = self.disk.writes + life.at if life.end == "dies" else None
        self._user = user = self.loop.create_task(self._program(record), name="user")
        self.loop.on_turn = _Cancellations(self, life, user) if life.end == "cancelled" else None
        with redirect_stderr(io.StringIO()) as written:
            await asyncio.wait([user])
        record.written = written.getvalue()
        self.loop.on_turn = None
        self.disk.dies_at = None
        record.is_dead, record.ended_at = self.disk.is_dead, self.died_at if self.disk.is_dead else self.loop.now
        record.error = None if user.cancelled() else user.exception()
        for timer in timers:
            timer.cancel()
        self._calm_down()
        if record.is_dead:
            await self._bury()
            return
        for _ in range(5):
            await asyncio.sleep(0)
        self.violations += before.left_since(self)
        self.violations += invariants.of_life(self, record)
        del user
        self._user = None

    async def _program(self, record: LifeRecord) -> None:
        """Do what a user's program does."""
        life, shots = record.life, self.shots()
        async with self.session(record) as runway:
            if life.way == "submit":
                async with asyncio.TaskGroup() as group:
                    for shot in shots:
                        group.create_task(self._submit(runway, shot, record))
            else:
                async for handle in runway.map(shots):
                    await self._take(handle, record)
                    if life.end in {"raises", "leaves"} and len(record.outcomes) > life.at:
                        break
            if life.end == "raises":
                raise UserError
        record.is_whole = life.end in {"runs", "dies", "cancelled"}

    async def _submit(self, runway: Session, shot: Shot, record: LifeRecord) -> None:
        try:
            handle = await runway.submit(shot.request, key=shot.key)
        except CometRunwayError as error:
            record.outcomes.setdefault(shot.key, []).append(error)
        else:
            await self._take(handle, record)

    @staticmethod
    async def _take(handle: Any, record: LifeRecord) -> None:
        if handle.id:
            record.ids[handle.key] = handle.id
        try:
            outcome: object = await handle
        except CometRunwayError as error:
            outcome = error
        record.outcomes.setdefault(handle.key, []).append(outcome)

    def _observe(self, record: LifeRecord, event: Event) -> None:
        record.events.append(event)
        self.trace.note(
            self.loop.now, "event", event.kind.value, event.key, event.task_id or "", type(event.error).__name__
        )

    def _calm_down(self) -> None:
        self.chance.calm = True
        self.server.wave = ""
        self.disk.is_full = False

    def _died(self) -> None:
        self.died_at = self.loop.now
        self.network.cut()
        self.loop.on_turn = None
        if self._user is not None:
            self.loop.call_soon(self._user.cancel)

    async def _bury(self) -> None:
        """End what a dead process left in this one, and let the next one find its files."""
        assert self.disk.snapshot is not None
        for task in invariants.tasks_of_the_package(self):
            task.cancel()
        for _ in range(5):
            await asyncio.sleep(1)
        self.disk.snapshot.restore(self.folder)
        self.network.mend()
        self._user = None

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not self.disk.is_dead and not isinstance(error, DeadlockError | EndlessError):
            self.violations.append(f"unhandled: {context.get('message')}: {error!r} {context.get('task') or ''}")

    def _clean_up(self) -> None:
        """End what a failed run left, so that no later run meets it."""
        self.loop.set_exception_handler(lambda *_: None)
        self.loop.most_turns = self.loop.turns + 100_000
        self.loop.most_seconds = math.inf
        for _ in range(10):
            if not asyncio.all_tasks(self.loop):
                break
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(30))
        self.loop.close()
        gc.collect()


class _Cancellations:
    """Cancels the user's task at a turn of the loop, once or more."""

    def __init__(self, world: World, life: Life, user: "asyncio.Task[Any]") -> None:
        self._due = [world.loop.turns + life.at + number * life.gap for number in range(life.times)]
        self._world = world
        self._user = user

    def __call__(self) -> None:
        if self._due and self._world.loop.turns >= self._due[0]:
            self._due.pop(0)
            self._world.cancelled += self._user.cancel()


@contextmanager
def _hooked(violations: list[str]) -> Iterator[None]:
    """Record the errors that Python reports as unraisable; ignore warnings and standard error.

    Garbage is collected at the end, and not in between: its finalizers would run at another moment in each process.
    """
    before = sys.unraisablehook
    gc.disable()
    sys.unraisablehook = lambda found: violations.append(f"unraisable: {found.exc_value!r} {found.object!r}")
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stderr(io.StringIO()):
            yield
            gc.collect()
    finally:
        gc.enable()
        sys.unraisablehook = before


def run(plan: Plan, *, traced: bool = False) -> Verdict:
    """Run one plan in a folder of its own."""
    gc.collect()
    gc.freeze()  # what was there before is not looked through in each run
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        return World(plan, folder, traced=traced).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shrunk(plan: Plan) -> Plan:
    """Return a smaller plan that fails as well: fewer lives, fewer shots, fewer faults."""
    return smallest(plan, lambda smaller: bool(run(smaller).violations))


def tried(seeds: Sequence[int], *, on_verdict: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
    """Run seeds, and return the verdicts of those that failed."""
    failed = []
    for seed in seeds:
        verdict = run(Plan.of(seed))
        on_verdict(verdict)
        if verdict.violations:
            failed.append(verdict)
    return failed


def told(failed: Sequence[Verdict]) -> str:
    """Return what is printed of seeds that failed."""
    lines = []
    for verdict in failed:
        lines.append(f"seed {verdict.plan.seed} (replay: python -m tests.simulation.world --seed {verdict.plan.seed}):")
        lines += [f"    {violation}" for violation in verdict.violations]
    return "\n".join(lines)


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.world", description=__doc__)
    parser.add_argument("--seed", type=int, help="run one seed, and print all that went wrong")
    parser.add_argument("--seeds", type=int, default=300, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--trace", action="store_true", help="print what happened")
    parser.add_argument("--shrink", action="store_true", help="make a failing seed small")
    options = parser.parse_args()
    if options.seed is not None:
        plan = Plan.of(options.seed)
        if options.shrink:
            plan = shrunk(plan)
        verdict = run(plan, traced=options.trace)
        print("\n".join((*verdict.lines, "")) if options.trace else "", end="")
        print(plan)
        print(f"went wrong: {verdict.struck}")
        print(f"{len(verdict.violations)} violations, digest {verdict.digest}")
        print("\n".join(verdict.violations))
        return bool(verdict.violations)
    totals: Counter[str] = Counter()
    failed = tried(range(options.first, options.first + options.seeds), on_verdict=lambda it: totals.update(it.counts))
    print(told(failed))
    print(f"{options.seeds} schedules, {len(failed)} failed; {dict(totals)}")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
