"""Faults planted in the package, one at a time: `python -m tests.simulation.planted` says which seed finds each.

A simulation that cannot fail proves nothing. Each fault is a change of the real code at run time, as a careless change
would make it.
"""

import argparse
import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from attrs import frozen

from cometrunway import _file_locks
from cometrunway._delivery import _part_file
from cometrunway._delivery._arrival import Arrival
from cometrunway._delivery._downloader import Downloader
from cometrunway._handle import TaskFuture
from cometrunway._journal._entry import Entry
from cometrunway._journal._sqlite import SqliteStore
from cometrunway._journal._stored import StoredJournal
from cometrunway._journal._writer import Writer
from cometrunway._polling._rate_limit import PollRateLimit
from cometrunway._polling._scheduler import PollScheduler
from cometrunway._submission._create_queue import CreateQueue
from cometrunway._submission._existing import ExistingTasks
from cometrunway._submission._limits import InFlightLimit
from cometrunway._submission._submitter import Submitter
from cometrunway._task_group import BackgroundTasks, Role
from cometrunway._transport import _api
from cometrunway._transport._api import Api, Refused, Unknown
from cometrunway._transport._create_body import LastUses
from cometrunway._transport._reuse import QuietWhileIdle
from cometrunway._wire._refusals import proves_refusal
from cometrunway.errors import CometRunwayError, ServerError, TaskNotFoundError, TransportError
from tests.simulation.plan import Plan
from tests.simulation.world import Verdict, run

SEEDS = 300
PAGE = Path(__file__).parent.parent.parent / "docs" / "simulation.md"
_BEGIN_MARK, _END_MARK = "<!-- planted faults -->", "<!-- end of planted faults -->"
Planting = Callable[[], AbstractContextManager[object]]


@frozen
class Planted:
    """A fault, in words, and what plants it."""

    name: str
    plant: Planting


async def _nothing(*_: object, **__: object) -> None:
    """Stand for an async method that does nothing."""


def _replace(owner: object, name: str, new: object) -> Planting:
    return lambda: patch.object(owner, name, new)


def _believed(error: CometRunwayError) -> bool:
    return isinstance(error, ServerError) or _PROVES(error)


_PROVES = proves_refusal
_CREATED = Api._created
_BEGIN = StoredJournal.begin
_ON_FAILED_POLL = PollScheduler._on_failed_poll
_ON_ANSWER = PollScheduler._on_answer
_WATCH = PollScheduler.watch
_CLOSE = SqliteStore.close
_STARTED = Submitter._started
_URLS = Downloader._urls
_KEEP = Writer._keep
_FINISH = PollScheduler._finish
_CANCEL = BackgroundTasks._cancel
_DISCARD = _part_file.PartFile.discard
_COMMIT = SqliteStore.commit
_DOUBT = StoredJournal.doubt


async def _sent_again_after_a_reset(api: Api, *arguments: Any) -> Any:
    outcome = await _CREATED(api, *arguments)
    if isinstance(outcome, Unknown) and isinstance(outcome.error.__cause__, TransportError):
        return Refused(outcome.error.__cause__)
    return outcome


async def _cancelled_is_refused(api: Api, *arguments: Any) -> Any:
    outcome = await _CREATED(api, *arguments)
    if isinstance(outcome, Unknown) and outcome.error.__cause__ is None:
        return Refused(asyncio.CancelledError())
    return outcome


async def _begin_unrecorded(journal: StoredJournal, entry: Entry) -> Entry | None:
    return await journal.find(entry.key)


async def _doubt_as_refusal(journal: StoredJournal, key: str, reason: str) -> None:
    await journal.refuse(key, reason)


def _skip_every_fifth(store: SqliteStore, operations: list[Any]) -> list[Any]:
    store.commits = getattr(store, "commits", 0) + 1  # type: ignore[attr-defined]  # of this fault
    if store.commits % 5:  # type: ignore[attr-defined]  # as above
        return _COMMIT(store, operations)
    assert store._database is not None
    store._database.execute("BEGIN")
    try:
        return [operation(store._database) for operation in operations]
    finally:
        store._database.execute("ROLLBACK")


def _fail_at_once(scheduler: PollScheduler, task: Any, error: CometRunwayError) -> None:
    if isinstance(error, TransportError):
        scheduler._fail(task.future, error)
    else:
        _ON_FAILED_POLL(scheduler, task, error)


def _unknown_is_the_end(scheduler: PollScheduler, task: Any, error: CometRunwayError) -> None:
    if isinstance(error, TaskNotFoundError) and task.unknown_until is None:
        task.unknown_until = -math.inf
    _ON_FAILED_POLL(scheduler, task, error)


def _watch_without_grace(scheduler: PollScheduler, future: TaskFuture, **options: Any) -> None:
    _WATCH(scheduler, future, **options)
    scheduler._open[future.route, future.id].unknown_until = -math.inf


def _watch_forgets_to_end(scheduler: PollScheduler, future: TaskFuture) -> None:
    future.watcher = None
    scheduler._open.pop((future.route, future.id), None)


def _leave_lock(store: SqliteStore) -> None:
    if store._database is not None:
        store._database.close()


def _leave_database(store: SqliteStore) -> None:
    if store._lock is not None:
        _file_locks.release(store._lock)


def _drop_facts(writer: Writer, _facts: list[Any], error: BaseException) -> None:
    _KEEP(writer, [], error)


async def _without_fresh_url(downloader: Downloader, url: str, _fresh: Any) -> Any:
    async for named in _URLS(downloader, url, None):
        yield named


def _whole_whatever(arrival: Arrival) -> Any:
    return arrival._recognised()


def _leave_services(background: BackgroundTasks, *roles: Role) -> None:
    _CANCEL(background, *[role for role in roles if role is not Role.SERVICE])


def _only_close(part: Any) -> None:
    _file_locks.release(part.file)


def _wake_never(_scheduler: PollScheduler) -> None:
    """Lose the wakeup."""


def _keep_place(limit: InFlightLimit, submission: "asyncio.Task[Any]") -> None:
    outcome = None if submission.cancelled() else submission.result()
    if isinstance(outcome, TaskFuture):
        outcome.add_done_callback(lambda _: limit.release())


async def _cancels_too(submitter: Submitter, *arguments: Any, **options: Any) -> Any:
    creates = submitter._background._by_role[Role.CREATE]
    before = set(creates)
    try:
        return await _SUBMIT(submitter, *arguments, **options)
    except asyncio.CancelledError:
        for create in creates - before:
            create.cancel()
        raise


_SUBMIT = Submitter.submit


@contextmanager
def _reuse_blindly() -> Iterator[None]:
    """Use every connection again, as aiohttp does, and for creates whatever it has brought."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(QuietWhileIdle, "_get", _get_of_aiohttp))
        stack.enter_context(patch.object(LastUses, "take", lambda *_: True))
        yield


async def _get_of_aiohttp(connector: Any, *arguments: Any) -> Any:
    return await super(QuietWhileIdle, connector)._get(*arguments)


PLANTED = (
    Planted(
        "one commit of five is rolled back, and reported as durable",
        _replace(SqliteStore, "commit", _skip_every_fifth),
    ),
    Planted("no submission is recorded before its create is sent", _replace(StoredJournal, "begin", _begin_unrecorded)),
    Planted("the id of an accepted create is not recorded", _replace(StoredJournal, "accept", _nothing)),
    Planted("a doubt is recorded as a refusal", _replace(StoredJournal, "doubt", _doubt_as_refusal)),
    Planted("a change that could not be written is dropped", _replace(Writer, "_keep", _drop_facts)),
    Planted("a 5xx is read as a refusal of a create", _replace(_api, "proves_refusal", _believed)),
    Planted("a create is sent again after its connection broke", _replace(Api, "_created", _sent_again_after_a_reset)),
    Planted(
        "a cancelled create counts as not sent",
        _replace(Api, "_created", _cancelled_is_refused),
    ),
    Planted("the id of another task is accepted", _replace(ExistingTasks, "claim", lambda *_, **__: None)),
    Planted("connections are used again after any answer", _reuse_blindly),
    Planted("a create does not release its place in the queue", _replace(CreateQueue, "leave", lambda *_: None)),
    Planted("a refused submission keeps its place in flight", _replace(InFlightLimit, "release_after", _keep_place)),
    Planted("a caller that is cancelled cancels its submission", _replace(Submitter, "submit", _cancels_too)),
    Planted("the scheduler's wakeup is lost", _replace(PollScheduler, "_wake", _wake_never)),
    Planted("a broken connection ends a wait", _replace(PollScheduler, "_on_failed_poll", _fail_at_once)),
    Planted(
        "an old state of a task ends a wait",
        _replace(PollScheduler, "_on_failed_poll", _unknown_is_the_end),
    ),
    Planted("a new task that is not known yet ends its wait", _replace(PollScheduler, "watch", _watch_without_grace)),
    Planted("polls do not count against their rate", _replace(PollRateLimit, "take", lambda *_: None)),
    Planted("an ended task is still waited for", _replace(PollScheduler, "_close", _watch_forgets_to_end)),
    Planted("an answer about another task ends this one", _replace(_api, "named_id", lambda _: None)),
    Planted("no new URL is requested", _replace(Downloader, "_urls", _without_fresh_url)),
    Planted("a file is not verified", _replace(Arrival, "end", _whole_whatever)),
    Planted("a part file is left", _replace(_part_file.PartFile, "discard", _only_close)),
    Planted("the journal's lock is not released", _replace(SqliteStore, "close", _leave_lock)),
    Planted("the journal's database is not closed", _replace(SqliteStore, "close", _leave_database)),
    Planted("closing a session does not stop its services", _replace(BackgroundTasks, "_cancel", _leave_services)),
)


def found(planted: Planted, seeds: int = SEEDS, first: int = 0) -> Verdict | None:
    """Return the first verdict that a planted fault makes bad; None if none of the seeds does."""
    with planted.plant():
        for seed in range(first, first + seeds):
            verdict = run(Plan.of(seed))
            if verdict.violations:
                return verdict
    return None


def renew(seeds: dict[str, int | None]) -> None:
    """Write the table of the page: each fault, and the seed that finds it."""
    rows = [f"| {name} | {'not found' if seed is None else seed} |" for name, seed in seeds.items()]
    count = sum(seed is not None for seed in seeds.values())
    text = "\n".join(
        [f"{count} of {len(seeds)} are found.", "", "| planted fault | found by seed |", "|---|---|", *rows]
    )
    before, _, rest = PAGE.read_text().partition(_BEGIN_MARK)
    PAGE.write_text(f"{before}{_BEGIN_MARK}\n{text}\n{_END_MARK}{rest.partition(_END_MARK)[2]}")


def main() -> int:
    """Plant each fault, and say which seed finds it."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds to try")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--only", type=int, action="append", help="the numbers of the faults to plant")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/simulation.md")
    options = parser.parse_args()
    seeds: dict[str, int | None] = {}
    for number, planted in enumerate(PLANTED):
        if options.only and number not in options.only:
            continue
        verdict = found(planted, options.seeds, options.first)
        seeds[planted.name] = None if verdict is None else verdict.plan.seed
        print(f"{number}: {planted.name}: seed {seeds[planted.name]}: {verdict and verdict.violations[0]}", flush=True)
    if options.write:
        renew(seeds)
    return None in seeds.values()


if __name__ == "__main__":
    raise SystemExit(main())
