"""The poll scheduler, on virtual time, with polls and deliveries that are plain callables."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count, cycle, pairwise
from random import Random
from typing import Any

import pytest

from cometrunway import Asset, Event, EventKind, Failure, PollPolicy, Task, TaskStatus, errors
from cometrunway._handle import TaskFuture, TaskHandle, TaskReference
from cometrunway._polling._scheduler import PollScheduler
from cometrunway._task_group import Role
from tests.scheduling import polling

FILE = "https://example.com/file.mp4"
"""What a success names where a test does not look at it; nothing is delivered of it."""
Answer = Task | errors.CometRunwayError


def task(status: str, task_id: str = "t", **fields: Any) -> Task:
    """Return a snapshot of a task; a success has a file unless it is said to have none."""
    fields.setdefault("outputs", (FILE,) if status == "SUCCEEDED" else ())
    return Task(id=task_id, status=TaskStatus(status), **fields)


def unknown() -> errors.TaskNotFoundError:
    """Return what a poll raises for an id that the server does not know."""
    return errors.TaskNotFoundError("task_not_exist", status=400, code="task_not_exist")


class World:
    """A scripted server and everything that a scheduler did to it."""

    def __init__(self, answer: Callable[[str, float], Answer]) -> None:
        self.answer = answer
        self.polls: list[tuple[float, str]] = []
        self.events: list[Event] = []

    async def poll(self, _route: str, task_id: str, _sent: object = None) -> Task:
        now = asyncio.get_running_loop().time()
        self.polls.append((now, task_id))
        answer = self.answer(task_id, now)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def deliver(self, future: TaskFuture, ended: Task) -> tuple[Asset, ...]:
        if ended.status is not TaskStatus.SUCCEEDED:
            raise errors.TaskError.of(ended, route=future.reference.route)
        return tuple(Asset(url=url) for url in ended.outputs if url != FILE)

    def scheduler(self, **policy: Any) -> AbstractAsyncContextManager[PollScheduler]:
        return polling(
            PollScheduler,
            poll=self.poll,
            deliver=self.deliver,
            policy=PollPolicy(**policy),
            rng=Random(7),
            on_event=self.events.append,
        )


def watched(scheduler: PollScheduler, task_id: str = "t", *, age: float | None = 0.0) -> TaskHandle:
    """Watch a task that was just created."""
    future = TaskFuture(TaskReference(id=task_id, route="image_to_video"))
    scheduler.watch(future, age=age)
    return TaskHandle(future.reference, future)


def after(seconds: float, ended: Task) -> Callable[[str, float], Answer]:
    """Answer RUNNING until so many seconds have passed, then that the task ended."""
    return lambda _, now: ended if now >= seconds else task("RUNNING")


def script(*answers: Answer) -> Callable[[str, float], Answer]:
    """Give these answers in turn, the last one for ever."""
    turns: Iterator[Answer] = iter(answers)
    return lambda *_: next(turns, answers[-1])


@pytest.mark.parametrize(("floor", "ceiling"), [(5.0, 5.5), (5.5, 5.5)])
async def test_no_two_polls_are_closer_than_the_floor(floor: float, ceiling: float) -> None:
    """Chance spreads the polls, but between floor and ceiling."""
    world = World(lambda _, now: task("SUCCEEDED") if now >= 200 else task("RUNNING"))
    async with world.scheduler(floor=floor, ceiling=ceiling) as scheduler:
        await watched(scheduler)
    gaps = [later - sooner for (sooner, _), (later, _) in pairwise(world.polls)]
    assert min(gaps) >= floor - 1e-9
    assert max(gaps) <= ceiling + 1e-9


@pytest.mark.parametrize(("tasks", "wakeups", "most"), [(100, 0.3, 25), (3000, 0.25, 100)])
async def test_polls_meet(tasks: int, wakeups: float, most: int) -> None:
    """One wakeup serves several polls, as the polls are spread all the same: never do too many leave at once."""
    world = World(lambda _, now: task("SUCCEEDED" if now >= 200 else "RUNNING"))
    async with world.scheduler(per_second=1e6) as scheduler:
        for number in range(tasks):
            watched(scheduler, str(number))
    meetings = Counter(when for when, _ in world.polls)
    assert len(meetings) < wakeups * len(world.polls)
    assert max(meetings.values()) <= most


async def test_a_succeeded_task_resolves_into_its_assets() -> None:
    """Awaiting a handle gives the files of the task that ended well."""
    world = World(after(20, task("SUCCEEDED", outputs=("https://a/1.mp4",))))
    async with world.scheduler() as scheduler:
        assert await watched(scheduler) == (Asset(url="https://a/1.mp4"),)


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (task("FAILED", failure=Failure(message="boom", code="INTERNAL")), errors.TaskFailedError),
        (task("FAILED", failure=Failure(message="no", moderated=True)), errors.ModerationError),
        (task("CANCELLED", failure=Failure(message="deleted")), errors.TaskCancelledError),
    ],
)
async def test_a_task_that_ends_badly_raises_its_reason(ended: Task, expected: type[errors.TaskError]) -> None:
    """The error is of the right kind and carries the task, its reason and a token."""
    async with World(script(ended)).scheduler() as scheduler:
        handle = watched(scheduler)
        with pytest.raises(expected, match="task t") as caught:
            await handle
    assert caught.value.task == ended
    assert caught.value.token == handle.token


async def test_wait_returns_a_failed_task() -> None:
    """wait() never raises for a failed task."""
    ended = task("FAILED", failure=Failure(message="boom"))
    async with World(script(ended)).scheduler() as scheduler:
        assert await watched(scheduler).wait() == ended


async def test_one_failed_task_does_not_affect_the_others() -> None:
    """Of a hundred tasks one fails, and ninety-nine are delivered."""
    world = World(lambda task_id, _: task("FAILED" if task_id == "7" else "SUCCEEDED", task_id))
    async with world.scheduler() as scheduler:
        handles = [watched(scheduler, str(number)) for number in range(100)]
        outcomes = await asyncio.gather(*handles, return_exceptions=True)
    assert Counter(type(outcome) for outcome in outcomes) == {tuple: 99, errors.TaskFailedError: 1}


async def test_a_waiter_that_gives_up_does_not_affect_the_others() -> None:
    """A waiter under a timeout leaves; the other waiter of the same handle gets its files."""
    async with World(after(30, task("SUCCEEDED"))).scheduler() as scheduler:
        handle = watched(scheduler)
        patient = asyncio.ensure_future(handle.wait())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await handle
        assert (await patient).status is TaskStatus.SUCCEEDED
        assert await handle == ()


@pytest.mark.parametrize(
    "trouble",
    [
        errors.TransportError("reset"),
        errors.ServerError("bad gateway", status=502),
        errors.RateLimitedError("slow down", status=429),
        errors.ProtocolError("HTML", status=200),
        errors.InvalidRequestError("fail_to_fetch_task", status=400),
        errors.InsufficientBalanceError("quota", status=403),
    ],
)
async def test_a_wait_survives_trouble(trouble: errors.CometRunwayError) -> None:
    """No failed poll ends a wait unless it proves that none can succeed; each is counted on the handle."""
    world = World(lambda _, now: trouble if now < 60 else task("SUCCEEDED"))
    async with world.scheduler() as scheduler:
        handle = watched(scheduler)
        await handle
    assert handle.poll_errors >= 3
    assert handle.last_error is trouble


def refused(status: int = 401) -> errors.APIError:
    """Return what a poll raises when the API itself refuses the key."""
    kind = errors.AuthenticationError if status == 401 else errors.PermissionDeniedError
    return kind("invalid key", status=status, body=b'{"error": {"message": "invalid key"}}')


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_refused_for_a_minute_ends_the_wait(status: int) -> None:
    """Every answer of a minute refused, after growing pauses; the error carries the token to resume with."""
    world = World(lambda _, now: refused(status))
    async with world.scheduler() as scheduler:
        handle = watched(scheduler)
        with pytest.raises(type(refused(status))) as caught:
            await handle.wait()
    assert caught.value.token == handle.token
    times = [when for when, _ in world.polls]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert 60 <= times[-1] - times[0] <= 100
    assert pauses == sorted(pauses)
    assert {event.kind for event in world.events} == {EventKind.POLL_FAILED, EventKind.FAILED}


async def test_a_key_that_is_refused_for_some_seconds_ends_nothing() -> None:
    """Forty waits go on through 50 bad seconds of the gateway, and are polled less meanwhile."""
    world = World(lambda _, now: refused() if now < 50 else task("SUCCEEDED"))
    async with world.scheduler() as scheduler:
        handles = [watched(scheduler, str(number)) for number in range(40)]
        await asyncio.gather(*handles)
    assert asyncio.get_running_loop().time() < 120


async def test_a_thousand_waits_share_one_refusal() -> None:
    """While every answer refuses the key, all waits together are polled a few times per second at most."""
    world = World(lambda task_id, now: task("SUCCEEDED", task_id) if now > 55 else refused())
    async with world.scheduler() as scheduler:
        for number in range(1000):
            watched(scheduler, str(number))
    assert sum(1 for when, _ in world.polls if 20 < when < 55) < 35 * 10
    assert asyncio.get_running_loop().time() < 300


async def test_what_refuses_in_an_hour_ends_all_waits_soon() -> None:
    """After the minute, each wait ends at its next answer, and no pause of the others keeps it."""
    world = World(lambda _task_id, _now: refused())
    async with world.scheduler() as scheduler:
        handles = [watched(scheduler, str(number)) for number in range(500)]
        ends = await asyncio.gather(*handles, return_exceptions=True)
    assert all(isinstance(end, errors.AuthenticationError) for end in ends)
    assert asyncio.get_running_loop().time() < 240


async def test_one_task_that_is_refused_does_not_hold_back_the_others() -> None:
    """Where other tasks are answered, the refusal is about this task: its wait ends after a minute."""
    world = World(
        lambda task_id, now: refused(403) if task_id == "bad" else task("RUNNING" if now < 200 else "SUCCEEDED")
    )
    async with world.scheduler() as scheduler:
        bad, good = watched(scheduler, "bad"), watched(scheduler, "good")
        with pytest.raises(errors.PermissionDeniedError):
            await bad
        assert asyncio.get_running_loop().time() < 120
        assert await good == ()


@pytest.mark.parametrize(
    "other",
    [
        errors.ServerError("bad gateway", status=502),
        errors.PermissionDeniedError("", status=403, body=b"error code: 1020"),
    ],
    ids=["502", "a proxy's page"],
)
async def test_any_other_answer_begins_the_minute_anew(other: errors.APIError) -> None:
    """Only the API's own refusals count, and only in a row."""
    answers = iter([*[refused(), refused(403), refused(), other] * 100])
    world = World(lambda _, now: task("SUCCEEDED") if now > 900 else next(answers))
    async with world.scheduler() as scheduler:
        assert await watched(scheduler) == ()


async def test_a_connection_that_breaks_says_nothing_about_the_key() -> None:
    """A minute of refusals counts, though some polls had no answer."""
    answers = iter([refused(), errors.TransportError("reset"), refused(), refused()] * 100)
    async with World(lambda _, now: next(answers)).scheduler() as scheduler:
        with pytest.raises(errors.AuthenticationError):
            await watched(scheduler)
    assert asyncio.get_running_loop().time() < 180


async def test_no_wait_is_lost_to_a_gateway_that_fails_a_third_of_the_time() -> None:
    """Of a thousand waits all succeed, though of ten polls three are answered 401, 403, 502 or not at all, in turn."""
    troubles = cycle([refused(), refused(403), errors.ServerError("no", status=502), errors.TransportError("reset")])
    polls = count()

    def answer(task_id: str, now: float) -> Answer:
        if next(polls) % 10 < 3:
            return next(troubles)
        return task("SUCCEEDED" if now > 200 + int(task_id) / 5 else "RUNNING", task_id)

    async with World(answer).scheduler() as scheduler:
        handles = [watched(scheduler, str(number)) for number in range(1000)]
        assert await asyncio.gather(*handles) == [()] * 1000
    assert asyncio.get_running_loop().time() < 600


async def test_the_patience_with_a_refused_key_is_an_option() -> None:
    """Without any, the first refusal ends the wait."""
    world = World(script(refused()))
    async with world.scheduler(key_grace=0) as scheduler:
        with pytest.raises(errors.AuthenticationError):
            await watched(scheduler)
    assert len(world.polls) == 1


async def test_a_deadline_names_the_last_trouble() -> None:
    """The error says how many polls failed, and why the latest did."""
    page = errors.PermissionDeniedError("error code: 1020", status=403, body=b"error code: 1020")
    async with World(lambda _, now: page).scheduler(deadline=100) as scheduler:
        with pytest.raises(errors.TaskTimeoutError, match=r"UNKNOWN after 100.*\d polls? failed.*error code: 1020"):
            await watched(scheduler)


async def test_a_young_task_may_be_unknown() -> None:
    """task_not_exist within the grace window is no error, and is asked again every three to five seconds."""
    world = World(lambda _, now: unknown() if now < 55 else task("SUCCEEDED"))
    async with world.scheduler(grace=60) as scheduler:
        handle = watched(scheduler)
        await handle
    assert 11 <= len(world.polls) <= 20
    assert handle.poll_errors == 0


async def test_a_task_unknown_after_its_grace_is_not_found() -> None:
    """Once the window has passed, task_not_exist ends the wait with the token, and nothing is submitted again."""
    async with World(script(unknown())).scheduler(grace=60) as scheduler:
        handle = watched(scheduler)
        with pytest.raises(errors.TaskNotFoundError) as caught:
            await handle
        assert 60 <= asyncio.get_running_loop().time() <= 66
    assert caught.value.token == handle.token


async def test_an_id_from_elsewhere_has_no_grace() -> None:
    """For a task that we did not create, the first task_not_exist is the answer."""
    world = World(script(unknown()))
    async with world.scheduler() as scheduler:
        with pytest.raises(errors.TaskNotFoundError):
            await watched(scheduler, age=None)
    assert len(world.polls) == 1


async def test_an_unknown_task_respects_the_deadline() -> None:
    """A deadline within the grace window ends the wait with a timeout, after a few polls and not a storm of them."""
    world = World(script(unknown()))
    async with world.scheduler(deadline=10, grace=60) as scheduler:
        with pytest.raises(errors.TaskTimeoutError):
            await watched(scheduler)
    assert len(world.polls) < 6


async def test_a_firewalls_page_ends_no_wait() -> None:
    """A 403 that is an HTML page is not the API's word."""
    page = errors.PermissionDeniedError("page", status=403, body=b"<html>are you human?")
    world = World(lambda _, now: page if now < 60 else task("SUCCEEDED"))
    async with world.scheduler() as scheduler:
        assert await watched(scheduler) == ()


async def test_a_task_once_seen_gets_a_second_grace() -> None:
    """A task that was seen and then vanishes is asked for again during another grace window."""
    world = World(lambda _, now: task("RUNNING") if now < 100 else unknown() if now < 150 else task("SUCCEEDED"))
    async with world.scheduler() as scheduler:
        assert await watched(scheduler) == ()


async def test_the_deadline_is_not_a_failure() -> None:
    """After the deadline the wait ends with a TimeoutError that carries the last Task and the token."""
    async with World(script(task("RUNNING", progress=0.5))).scheduler(deadline=100) as scheduler:
        handle = watched(scheduler)
        with pytest.raises(TimeoutError) as caught:
            await handle
        assert asyncio.get_running_loop().time() == 100
    assert isinstance(caught.value, errors.TaskTimeoutError)
    assert caught.value.task.progress == 0.5
    assert caught.value.token == handle.token


async def test_a_deadline_missed_while_the_loop_stood_still_is_looked_at_once_more() -> None:
    """A synchronous cell that blocks the loop past the deadline does not lose a task that ended meanwhile."""
    world = World(lambda _, now: task("SUCCEEDED") if now > 50 else task("RUNNING"))
    async with world.scheduler(deadline=100) as scheduler:
        handle = watched(scheduler)
        await asyncio.sleep(40)
        asyncio.get_running_loop().now += 500  # type: ignore[attr-defined]  # the virtual clock
        assert await handle == ()


async def test_no_task_waits_longer_than_the_ceiling_between_polls() -> None:
    """Two polls at one task are never further apart than the ceiling."""
    world = World(after(600, task("SUCCEEDED")))
    async with world.scheduler(ceiling=15) as scheduler:
        await watched(scheduler)
    times = [when for when, _ in world.polls]
    assert max(later - earlier for earlier, later in pairwise(times)) <= 15


async def test_all_polls_share_one_budget() -> None:
    """Two thousand tasks at 100 polls per second are polled 100 times per second, in due-time order."""
    world = World(lambda task_id, now: task("SUCCEEDED", task_id) if now > 40 else task("RUNNING", task_id))
    async with world.scheduler(per_second=100, rule="backoff") as scheduler:
        for number in range(2000):
            watched(scheduler, str(number))
    per_second = Counter(int(when) for when, _ in world.polls)
    assert max(per_second.values()) <= 151
    assert len({task_id for when, task_id in world.polls if when < 30}) == 2000


async def test_polls_that_fail_grow_rare_as_others_do() -> None:
    """A gateway that answers 502 is polled no more often than one that answers."""
    moments = []
    for answer in (task("RUNNING"), errors.ServerError("bad gateway", status=502)):
        world = World(script(answer))
        async with world.scheduler(rule="backoff", deadline=300) as scheduler:
            began = asyncio.get_running_loop().time()
            with pytest.raises(errors.TaskTimeoutError):
                await watched(scheduler)
        moments.append([moment - began for moment, _ in world.polls])
    assert moments[0] == pytest.approx(moments[1])


async def test_a_429_holds_back_every_task() -> None:
    """After one Retry-After of 20 no poll leaves for 20 seconds; those that left with the refused one have left."""
    limited = errors.RateLimitedError("slow down", status=429)
    limited.retry_after = 20.0
    world = World(script(limited, task("SUCCEEDED")))
    async with world.scheduler() as scheduler:
        for number in range(50):
            watched(scheduler, str(number))
    first, *later = sorted({when for when, _ in world.polls})
    assert min(later) >= first + 20


async def test_at_most_128_polls_are_under_way_at_once() -> None:
    """Slow answers do not pile up connections."""
    under_way, most = 0, 0

    async def slow_poll(_route: str, task_id: str, _sent: object = None) -> Task:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(10)
        under_way -= 1
        return task("SUCCEEDED", task_id)

    world = World(script(task("RUNNING")))
    world.poll = slow_poll  # type: ignore[method-assign]  # a slower one
    async with world.scheduler(per_second=1e6) as scheduler:
        for number in range(1000):
            watched(scheduler, str(number))
    assert most == 128


async def test_a_poll_that_falls_due_after_all_places_were_taken_is_not_forgotten() -> None:
    """While 128 polls are under way nothing else begins, and once they have ended, what falls due is polled."""

    async def slow_poll(_route: str, task_id: str, _sent: object = None) -> Task:
        await asyncio.sleep(10)
        return task("SUCCEEDED", task_id)

    world = World(script(task("RUNNING")))
    world.poll = slow_poll  # type: ignore[method-assign]  # a slower one
    async with world.scheduler(rule="fixed", first=1.0, per_second=1e6) as scheduler:
        for number in range(128):
            watched(scheduler, str(number))
        await asyncio.sleep(10.5)
        late = watched(scheduler, "late")  # due half a second after the others have ended
        await asyncio.wait_for(late, 20)


@pytest.mark.parametrize("stored_after", [5, 50])
async def test_a_success_is_waited_for_until_it_names_a_file(stored_after: int) -> None:
    """Some gateways set the status before they store the file: until then the task counts as running."""

    def answer(_task_id: str, now: float) -> Task:
        stored = ("https://example.com/a.mp4",) if now >= 30 + stored_after else ()
        return task("SUCCEEDED" if now >= 30 else "RUNNING", outputs=stored)

    world = World(answer)
    async with world.scheduler() as scheduler:
        handle = watched(scheduler)
        await asyncio.sleep(30 + stored_after - 1)
        assert handle.task is not None
        assert handle.task.status is TaskStatus.RUNNING
        assert [asset.url for asset in await handle] == ["https://example.com/a.mp4"]
    first = [when for when, _ in world.polls if when >= 30]
    pauses = [later - earlier for earlier, later in pairwise(first)]
    assert pauses == sorted(pauses)
    assert len(first) < 12


@pytest.mark.parametrize("grace", [0.0, 60.0])
async def test_a_success_that_names_no_file_ends_after_its_grace(grace: float) -> None:
    """Then it is the delivery that says what is missing, as it is for one that never names a file."""
    world = World(script(task("SUCCEEDED", outputs=())))
    async with world.scheduler(output_grace=grace) as scheduler:
        assert await watched(scheduler) == ()
    first, last = world.polls[0][0], world.polls[-1][0]
    assert grace <= last - first <= 1.6 * grace


async def test_leaving_the_block_waits_for_what_is_owed() -> None:
    """A block that ends normally ends when every task has."""
    async with World(after(300, task("SUCCEEDED"))).scheduler() as scheduler:
        handle = watched(scheduler)
    assert handle.done()
    assert scheduler.owed == ()


async def test_the_users_own_error_leaves_bare() -> None:
    """A KeyError in the block comes out as that KeyError, at once, and every future is settled."""
    with pytest.raises(KeyError, match="mine"):
        async with World(script(task("RUNNING"))).scheduler() as scheduler:
            handle = watched(scheduler)
            await asyncio.sleep(10)
            raise KeyError("mine")
    assert handle.done()
    assert asyncio.get_running_loop().time() < 11
    assert [future.reference.id for future in scheduler.owed] == ["t"]


async def test_a_cancelled_block_is_cancelled() -> None:
    """A timeout around the block ends it while it waits for its tasks."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(50), World(script(task("RUNNING"))).scheduler() as scheduler:
            handle = watched(scheduler)
    assert handle.done()
    assert asyncio.get_running_loop().time() < 51


async def test_a_bug_harms_only_its_own_task(caplog: pytest.LogCaptureFixture) -> None:
    """An error that is not ours is raised where that task is awaited, and logged. The others are delivered."""
    world = World(lambda task_id, _: 1 / 0 if task_id == "7" else task("SUCCEEDED"))  # type: ignore[arg-type,return-value]
    async with world.scheduler() as scheduler:
        handles = [watched(scheduler, str(number)) for number in range(10)]
        outcomes = await asyncio.gather(*handles, return_exceptions=True)
    assert Counter(type(outcome) for outcome in outcomes) == {tuple: 9, ZeroDivisionError: 1}
    assert [future.reference.id for future in scheduler.owed] == ["7"]
    assert "a bug" in caplog.text


async def test_a_create_under_way_may_bring_its_id_home() -> None:
    """A create that answers within two seconds of the block's failure is still heard; nothing else goes on."""
    heard = []

    async def create() -> None:
        await asyncio.sleep(1.5)
        heard.append("id")

    with pytest.raises(KeyError):
        async with World(script(task("RUNNING"))).scheduler() as scheduler:
            scheduler._background.start(create(), name="create", role=Role.CREATE)
            await asyncio.sleep(0)
            raise KeyError
    assert heard == ["id"]


async def test_a_create_that_hangs_is_left_after_its_grace() -> None:
    """Leaving the block is bounded."""
    with pytest.raises(KeyError):
        async with World(script(task("RUNNING"))).scheduler() as scheduler:
            scheduler._background.start(asyncio.sleep(1000), name="create", role=Role.CREATE)
            raise KeyError
    assert asyncio.get_running_loop().time() == pytest.approx(20, abs=0.1)


async def test_what_is_taken_up_again_is_polled_at_once() -> None:
    """However much is known of how long its kind takes, a task from elsewhere may have ended long ago."""
    world = World(lambda task_id, now: task("SUCCEEDED", task_id) if now > 50 else task("RUNNING", task_id))
    async with world.scheduler() as scheduler:
        for number in range(50):
            watched(scheduler, str(number))
        await asyncio.sleep(100)
        for age in (None, 20.0):
            start = asyncio.get_running_loop().time()
            await watched(scheduler, f"old {age}", age=age)
            assert asyncio.get_running_loop().time() == start


async def test_events_tell_what_happened_in_order() -> None:
    """A change, a failed poll, the end and the files are each told once."""
    world = World(
        script(
            task("PENDING"),
            task("RUNNING", progress=0.1),
            task("RUNNING", progress=0.1),
            errors.ServerError("x", status=502),
            task("SUCCEEDED"),
        )
    )
    async with world.scheduler() as scheduler:
        await watched(scheduler)
    assert [event.kind for event in world.events] == [
        EventKind.CHANGED,
        EventKind.CHANGED,
        EventKind.POLL_FAILED,
        EventKind.ENDED,
        EventKind.DOWNLOADED,
    ]


async def test_the_same_seed_polls_at_the_same_times() -> None:
    """All randomness comes from the given generator, and all time from the loop."""
    traces = []
    for _ in range(2):
        world = World(after(200, task("SUCCEEDED")))
        start = asyncio.get_running_loop().time()
        world.answer = after(start + 200, task("SUCCEEDED"))
        async with world.scheduler() as scheduler:
            for number in range(20):
                watched(scheduler, str(number))
        traces.append([(round(when - start, 6), task_id) for when, task_id in world.polls])
    assert traces[0] == traces[1]


async def test_the_end_of_all_is_foretold_once_it_is_known() -> None:
    """The eta is None at first, within 15 % of the truth later, and 0 where nothing is waited for."""
    world = World(lambda task_id, now: task("SUCCEEDED" if now >= int(task_id) * 5 + 40 else "RUNNING", task_id))
    async with world.scheduler() as scheduler:
        assert scheduler.eta == 0
        etas = []
        for number in range(40):
            watched(scheduler, str(number))
            etas.append(scheduler.eta)
            await asyncio.sleep(5)
        assert etas[:8] == [None] * 8
        assert etas[24:] == [pytest.approx(40, rel=0.15)] * 16
        await asyncio.sleep(60)
        assert scheduler.eta == 0


async def test_the_end_of_one_task_is_foretold() -> None:
    """The eta of a handle is None before anything is known, then close to the truth, and None once it has ended."""
    world = World(lambda task_id, now: task("SUCCEEDED" if now >= int(task_id) * 5 + 40 else "RUNNING", task_id))
    async with world.scheduler() as scheduler:
        handles = []
        for number in range(40):
            handles.append(watched(scheduler, str(number)))
            assert number or handles[0].eta is None
            await asyncio.sleep(5)
        assert [handle.eta for handle in handles[:30]] == [None] * 30
        assert [handle.eta for handle in handles[-3:]] == [pytest.approx(left, abs=6) for left in (25, 30, 35)]


async def test_putting_off_many_polls_leaves_the_loop_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand polls that fall due together and do not pay yet are not all priced in one turn of the event loop."""
    priced_in_turns: list[int] = []
    priced = 0

    def not_yet(*_: object) -> tuple[float, float]:
        nonlocal priced
        if not priced:
            asyncio.get_running_loop().call_soon(turn)
        priced += 1
        return 20.0, 1.0

    def turn() -> None:
        nonlocal priced
        priced_in_turns.append(priced)
        priced = 0

    async with World(after(15, task("SUCCEEDED"))).scheduler(first=1) as scheduler:
        handles = [watched(scheduler, str(number)) for number in range(1000)]
        await asyncio.sleep(0.9)
        monkeypatch.setattr(scheduler._timing, "_pause", not_yet)
        await asyncio.gather(*handles)
    assert sum(priced_in_turns) >= 1000
    assert max(priced_in_turns) <= 256


async def test_polls_that_are_due_together_share_their_asyncio_tasks() -> None:
    """A thousand of them need no more than may be under way at once."""
    ours = set[Any]()

    def ended(task_id: str, _: float) -> Answer:
        ours.add(asyncio.current_task())
        return task("SUCCEEDED", task_id)

    async with World(ended).scheduler(per_second=1e6) as scheduler:
        for number in range(1000):
            watched(scheduler, str(number), age=None)
    assert len(ours) <= 128


async def test_a_delivery_runs_under_the_name_of_its_task() -> None:
    """A listing of asyncio's tasks says whose files are under way."""
    names = []

    class Named(World):
        async def deliver(self, future: TaskFuture, ended: Task) -> tuple[Asset, ...]:
            ours = asyncio.current_task()
            assert ours is not None
            names.append(ours.get_name())
            return await super().deliver(future, ended)

    async with Named(script(task("SUCCEEDED"))).scheduler() as scheduler:
        await watched(scheduler)
    assert names == ["cometrunway end of t"]
