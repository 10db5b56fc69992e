"""The pauses after which a task is tried again for which a session has given up its wait."""

from cometrunway import Journal
from cometrunway._journal._postgres._given_up import GivenUp
from tests.journal.postgres.test_store import entry
from tests.postgres import Server


def test_each_pause_is_twice_the_one_before() -> None:
    """From a minute to a quarter of an hour; what is delivered at last has none."""
    given_up, now, pauses = GivenUp(), 1000.0, []
    for _ in range(6):
        given_up.add("t1", now)
        end = next(second for second in range(10_000) if not given_up.paused(now + second))
        pauses.append(end)
        now += end
    assert pauses == [60, 120, 240, 480, 900, 900]
    given_up.add("t2", now)
    given_up.add("t1", now)
    given_up.forget(["t1"])
    assert given_up.paused(now) == ["t2"]


async def test_a_task_that_was_given_up_is_left_to_others_first(postgres: Server) -> None:
    """Else a session would try again at once, and again and again, to download a file that is gone."""
    url = postgres.journal()
    async with Journal(url) as one, Journal(url) as other:
        for key in ("given up", "left"):
            await one.begin(entry(key))
            await one.accept(key, task_id=key, created_at=1.0)
        await one.leave("given up", is_given_up=True)
        await one.leave("left")
        assert await one.take_over(10) == {"left": "left"}
        assert await other.take_over(10) == {"given up": "given up"}
