"""What must hold after each life of the process, and after each run, whatever went wrong."""

import asyncio
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cometrunway import CometRunwayError, Entry, Journal, OutcomeUnknownError, _file_locks
from cometrunway._journal._entry import State
from cometrunway._wire._encode import encode
from cometrunway.emulator import digest_of
from cometrunway.emulator._assets import _file
from cometrunway.emulator._tasks import EmulatedTask
from cometrunway.emulator._views import output_names
from cometrunway.errors import (
    AssetExpiredError,
    DownloadError,
    JournalError,
    TaskError,
    TaskNotFoundError,
    TaskTimeoutError,
)

if TYPE_CHECKING:
    from tests.simulation.network import Turn
    from tests.simulation.world import LifeRecord, World

_LONGEST_LAG = 200.0
"""Seconds, beyond all trouble, from a task's end to the poll that sees it."""
_TO_RECORD, _LONGEST_TO_RECORD = 0.2, 120.0
"""Seconds from an answer with an id to its record, and while the journal is slow or cannot be written."""
_LONGEST_TO_BREAK = 0.6
"""Seconds until a connection breaks on which a request has arrived, beside the latency."""
_OF_THE_JOURNAL = ("locked journal", "failed commit", "slow disk", "full wave")
_MAY_HAVE_ACTED = {408, 409, 425}


@frozen
class Open:
    """What is open or running at one moment."""

    files: tuple[str, ...]
    locks: int
    parts: frozenset[Path]
    """Files under way, as a process leaves behind that dies."""

    @classmethod
    def now(cls, world: "World") -> "Open":
        parts = frozenset(world.folder.rglob("*.part"))
        return cls(tuple(_open_files(world.folder)), len(_file_locks._files), parts)

    def left_since(self, world: "World") -> list[str]:
        """Say what is open or running by now that was not before."""
        now = Open.now(world)
        left = [f"left open: {name}" for name in (Counter(now.files) - Counter(self.files)).elements()]
        if now.locks > self.locks:
            left.append(f"left locked: {now.locks - self.locks} files")
        if world.network.open:
            left.append(f"left connected: {len(world.network.open)} connections")
        left += [f"left running: {task.get_name()}: {task.get_coro()!r}" for task in tasks_of_the_package(world)]
        left += [f"left to come: {timer!r}" for timer in _timers_of_the_package(world)]
        left += [f"left on disk: {path.name}" for path in sorted(now.parts - self.parts)]
        return left


def _open_files(folder: Path) -> Iterator[str]:
    for descriptor in Path("/dev/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith(str(folder)):
            yield target.removeprefix(str(folder))


def tasks_of_the_package(world: "World") -> list["asyncio.Task[Any]"]:
    """Return the tasks that are neither the world's nor the server's, in the order of their making."""
    tasks = sorted(asyncio.all_tasks(world.loop), key=hash)
    return [task for task in tasks if not _is_ours(task) and not task.done()]


def _is_ours(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    name = "" if code is None else code.co_filename
    return "/emulator/" in name or name.endswith(("world.py", "web_protocol.py", "cancellations.py"))


def _timers_of_the_package(world: "World") -> list[asyncio.TimerHandle]:
    return [timer for timer in world.loop.timers() if _module(timer).startswith("cometrunway._")]


def _module(timer: asyncio.TimerHandle) -> str:
    callback: Any = timer._callback  # type: ignore[attr-defined]
    return str(getattr(getattr(callback, "func", callback), "__module__", ""))


def of_life(world: "World", record: "LifeRecord") -> Iterator[str]:
    """Say what is wrong with a life that has ended, though not by its death."""
    yield from _error_of(record)
    yield from _events_of(record)
    if record.is_whole and record.error is None:
        yield from _outcomes_of(world, record)
    if not world.plan.has_journal:
        yield from _unknown_without_journal(world, record)


def _error_of(record: "LifeRecord") -> Iterator[str]:
    """An error that leaves the block is the user's own, a cancellation, or says what is owed."""
    error = record.error
    if isinstance(error, BaseExceptionGroup) or not (
        error is None or type(error).__name__ == "UserError" or isinstance(error, CometRunwayError)
    ):
        yield f"the block is left with {error!r}"


def _events_of(record: "LifeRecord") -> Iterator[str]:
    ends = Counter(event.key for event in record.events if event.kind.is_final)
    for key, count in ends.items():
        if count > 1:
            yield f"{key} has {count} final events in one life"
    if record.is_whole and record.error is None and not record.life.times > 1:
        for key in record.outcomes:
            if not ends[key]:
                yield f"{key} has no final event"


def _outcomes_of(world: "World", record: "LifeRecord") -> Iterator[str]:
    """Each submission has exactly one outcome, and no wait is lost to what was transient."""
    truth = tasks_by_key(world)
    for shot in world.shots():
        outcomes = record.outcomes.get(str(shot.key), [])
        if len(outcomes) != 1:
            yield f"{shot.key} has {len(outcomes)} outcomes: {outcomes}"
            continue
        [outcome] = outcomes
        tasks = truth.get(str(shot.key), [])
        if isinstance(outcome, Exception):
            yield from _error_is_due(world, str(shot.key), outcome, tasks, record)
        elif not tasks or tasks[-1].outcome != "SUCCEEDED":
            yield f"{shot.key} has files, and no task of it has succeeded"


def _has_a_fresh_url(world: "World", tasks: list[EmulatedTask]) -> bool:
    """Whether the host refused the file only because its URL had expired, and every poll was answered well and soon."""
    logged = [entry for entry in world.emulator.requests_of("asset") if tasks and entry.task_id == tasks[-1].id]
    return all(entry.fault == "ok" or entry.status not in {401, 403, 404, 410} for entry in logged) and all(
        what in {"server asset", "server create", "slow disk"} or what.startswith("split") or "full" in what
        for _, what in world.chance.struck
    )


def _error_is_due(
    world: "World", key: str, error: Exception, tasks: list[EmulatedTask], record: "LifeRecord"
) -> Iterator[str]:
    if isinstance(error, TaskTimeoutError):
        yield f"{key}: a wait ended before its deadline: {error!r}"
    elif isinstance(error, TaskError):
        if not tasks or tasks[-1].outcome == "SUCCEEDED":
            yield f"{key}: {error!r}, and the task has succeeded"
    elif isinstance(error, AssetExpiredError) and _has_a_fresh_url(world, tasks):
        yield f"{key}: {error!r}, and a fresh URL brings the file"
    elif isinstance(error, OutcomeUnknownError) or _was_never_seen(key, error, record):
        pass  # the journal and the server are compared after the run
    elif getattr(error, "task_id", None) and not isinstance(error, DownloadError | JournalError):
        yield f"{key}: a wait was lost to what was transient: {error!r}"
    elif not isinstance(error, CometRunwayError):
        yield f"{key}: a foreign error: {error!r}"
    elif record.is_calm:
        yield f"{key}: {error!r} while nothing went wrong"


def _was_never_seen(key: str, error: Exception, record: "LifeRecord") -> bool:
    """Whether a task is given up that no poll has ever found: its grace is over then."""
    seen = (event.key == key and event.kind.value in {"changed", "ended"} for event in record.events)
    return isinstance(error, TaskNotFoundError) and not any(seen)


def _unknown_without_journal(world: "World", record: "LifeRecord") -> Iterator[str]:
    """Without a journal, each billed task is known by its handle, by a token, or as in doubt."""
    told = _told(record)
    known = {*record.ids.values(), *(event.task_id for event in record.events)}
    doubtful = {event.key for event in record.events if event.kind.value == "in_doubt"}
    for key, tasks in tasks_by_key(world).items():
        for task in tasks:
            if task.id not in known and task.id not in told and key not in doubtful:
                yield f"{key} was billed as {task.id}, and no one was told"


async def check(world: "World") -> None:
    """Hold the whole run against the invariants."""
    problems = world.violations
    problems += _sent_twice(world)
    problems += _polled_too_often(world)
    problems += _starved(world)
    for (route, digest), count in world.emulator.creates.repeats.items():
        if count:
            problems.append(f"a create was sent again, and no refusal was proved: {route} {digest[:8]}")
    if world.emulator.leaked_credentials:
        problems.append("a credential went to the asset host")
    if world.plan.has_journal:
        problems += [f"left on disk at the end: {path.name}" for path in sorted(world.folder.rglob("*.part"))]
        problems += _journal_disagrees(world)


def tasks_by_key(world: "World") -> dict[str, list[EmulatedTask]]:
    """Return what the server has billed for each key."""
    digests = {digest_of(json.loads(encode(shot.request).body or b"")): str(shot.key) for shot in world.shots()}
    tasks: dict[str, list[EmulatedTask]] = {}
    for task in world.emulator.tasks.values():
        tasks.setdefault(digests[task.digest], []).append(task)
    return tasks


def _journal_disagrees(world: "World") -> Iterator[str]:
    try:
        entries: dict[str, Entry] = {entry.key: entry for entry in Journal.read(world.folder / "shots.db")}
    except JournalError as error:
        yield f"the journal cannot be read: {error}"
        return
    billed = tasks_by_key(world)
    for shot in world.shots():
        key = str(shot.key)
        entry, tasks = entries.get(key), billed.get(key, [])
        if len(tasks) > 1:
            yield f"{key} was bought {len(tasks)} times"
        if entry is None:
            yield f"{key} is not in the journal"
        elif entry.is_in_doubt:
            yield from _undue_doubt(world, key, tasks)
        else:
            yield from _entry_disagrees(world, entry, tasks)


def _undue_doubt(world: "World", key: str, tasks: list[EmulatedTask]) -> Iterator[str]:
    """A doubt has a reason: an answer that was lost or strange, or an id that came right before a process died."""
    struck = " ".join(what for _, what in world.chance.struck)
    if "twice" in struck:
        return
    was_journal_in_trouble = any(trouble in struck for trouble in _OF_THE_JOURNAL)
    turns = creates_by_body(world).get(_digest_of_shot(world, key), [])
    if not turns:
        if not was_journal_in_trouble and not any(record.is_dead for record in world.records):
            yield f"{key} is in doubt, and was never sent"
        return
    turn = turns[-1]
    record = [record for record in world.records if record.first_turn <= turn.number][-1]
    if turn.status != 200 or turn.answered_at is None or not tasks or tasks[-1].id.encode() not in turn.answer:
        if not turn.fault and not record.is_dead and "stall" not in struck and _answered_well(world, tasks):
            yield f"{key} is in doubt, and its create was answered well and soon"
        return
    if turn.fault == "late" and "stall" in struck:  # the answer and the end of its time came within one stall
        return
    time_to_record = record.ended_at - turn.answered_at
    if record.is_dead and time_to_record < (_LONGEST_TO_RECORD if was_journal_in_trouble else _TO_RECORD):
        return
    if "not recorded in the journal" not in _told(record) and time_to_record > 0:
        yield f"{key} is in doubt, and its id {tasks[-1].id} came {time_to_record:.3f} s before the life ended"


def _answered_well(world: "World", tasks: list[EmulatedTask]) -> bool:
    """Whether the server answered the latest create with its id, at once."""
    logged = [entry for entry in world.emulator.requests_of("create") if tasks and entry.task_id == tasks[-1].id]
    return bool(logged) and logged[-1].fault == "ok"


def _told(record: "LifeRecord") -> str:
    """Return all that a life wrote to standard error, and what the error says with which its block was left."""
    return " ".join([record.written, str(record.error or ""), *getattr(record.error, "__notes__", ())])


def _entry_disagrees(world: "World", entry: Entry, tasks: list[EmulatedTask]) -> Iterator[str]:
    if not tasks:
        yield f"{entry.key} is {entry.state.value} as {entry.task_id}, and the server has no task of it"
        return
    task = tasks[-1]
    if entry.task_id != task.id:
        yield f"{entry.key} is {entry.task_id} in the journal, and {task.id} at the server"
    expected = State.DELIVERED if task.outcome == "SUCCEEDED" else State.FAILED
    if entry.state is not expected:
        yield f"{entry.key} is {entry.state.value} after a run without trouble, and not {expected.value}"
    if expected is State.DELIVERED:
        yield from _files_disagree(entry, task)


def _files_disagree(entry: Entry, task: EmulatedTask) -> Iterator[str]:
    names = output_names(task)
    if len(entry.assets) != len(names):
        yield f"{entry.key} has {len(entry.assets)} files, and {len(names)} were made"
    for name, asset in zip(names, entry.assets, strict=False):
        made = _file(task, name)
        content = asset.path.read_bytes() if asset.path and asset.path.exists() else b""
        if made is None or hashlib.sha256(content).digest() != hashlib.sha256(made.content).digest():
            yield f"{entry.key}: {name} is not on disk as it was made: {len(content)} bytes"


def creates_by_body(world: "World", turns: Iterable["Turn"] | None = None) -> dict[str, list["Turn"]]:
    """Return the requests that carried each create, as the client's network saw them."""
    found: dict[str, list[Turn]] = {}
    for turn in world.network.turns if turns is None else turns:
        if turn.line.startswith("POST") and turn.body:
            digest = hashlib.sha256(turn.body).hexdigest()
            found.setdefault(digest, []).append(turn)
    return found


def _digest_of_shot(world: "World", key: str) -> str:
    [body] = [encode(shot.request).body or b"" for shot in world.shots() if shot.key == key]
    return hashlib.sha256(body).hexdigest()


def _sent_twice(world: "World") -> Iterator[str]:
    """No create leaves again unless the answer to the one before, whole, proved its refusal."""
    for turns in creates_by_body(world).values():
        for before in turns[:-1]:
            if not _proves_refusal(before):
                yield (
                    f"request {before.number} was a create ({before.fault or 'no fault'}, answered {before.status}), "
                    f"and was sent again as {[turn.number for turn in turns]}"
                )


def _proves_refusal(turn: "Turn") -> bool:
    status = turn.status
    if status is None:
        return False
    if status == 503:
        return b"model_not_found" in turn.answer
    return 400 <= status < 500 and status not in _MAY_HAVE_ACTED


def _polled_too_often(world: "World") -> Iterator[str]:
    """Polls of a life stay within their rate; a refused file may have its task asked once more."""
    is_delayed = any(what.startswith(("stall", "unreachable")) for _, what in world.chance.struck)
    ends = [record.first_turn for record in world.records[1:]] + [len(world.network.turns)]
    for record, end in zip(world.records, ends, strict=True):
        latency = record.life.network.latency
        turns = world.network.turns[record.first_turn : end]
        polls = [turn.at for turn in _polls(turns, latency)]
        refused = sum(turn.status in {None, 401, 403, 404, 410} for turn in turns if "output" in turn.line)
        # What is delayed comes together with what follows, but seldom for ten seconds.
        windows = (10.0,) if is_delayed else (0.0, 2.0, 5.0, 10.0)
        for window in windows:
            most = world.plan.per_second * (window + 0.5 + 8 * latency) + 1 + refused
            found = _most_within(polls, window)
            if found > most:
                yield f"{found} polls in {window} s, and {world.plan.per_second} a second are allowed"
                break


def _most_within(moments: Sequence[float], window: float) -> int:
    first = most = 0
    for number, at in enumerate(moments):
        while moments[first] < at - window:
            first += 1
        most = max(most, number - first + 1)
    return most


def _polls(turns: Sequence["Turn"], latency: float) -> Iterator["Turn"]:
    """Yield the polls, but for those that aiohttp repeats at once because their connection broke."""
    broken: dict[str, float] = {}
    for turn in turns:
        if not turn.line.startswith("GET /runwayml"):
            continue
        if turn.at - broken.pop(turn.line, -math.inf) > _LONGEST_TO_BREAK + 8 * latency:
            yield turn
            if turn.status is None:
                broken[turn.line] = turn.at


def _starved(world: "World") -> Iterator[str]:
    """Each task's end is seen soon, in a run that lives once and undisturbed."""
    lives = world.plan.lives
    if len(lives) > 1 or lives[0].end != "runs":
        return
    trouble = lives[0].trouble + sum(seconds for _, seconds, _ in lives[0].waves)
    for task in world.emulator.tasks.values():
        if task.end_seen_at is not None and task.completed_at > trouble:
            lag = task.end_seen_at - task.completed_at
            if lag > _LONGEST_LAG:
                yield f"the end of {task.id} was seen after {lag:.0f} s"
