"""The submissions whose callbacks may come: each has a path that only the gateway knows."""

import asyncio

from cometrunway._callbacks._expected import ExpectedCallback, ExpectedCallbacks

TASK = ("pro_generate", "t1")


def callbacks() -> ExpectedCallbacks:
    """Return the callbacks of a session with a receiver."""
    return ExpectedCallbacks(public_url="https://me.example/hooks", secret=bytes(32))


def expect(at: ExpectedCallbacks, name: str = "cat", submitted_at: float = 0.0) -> ExpectedCallback:
    """Expect the callbacks of one submission."""
    return at.expect(at.path(name, submitted_at), key=name, submitted_at=submitted_at)


def test_a_repeated_submission_has_a_path_of_its_own() -> None:
    """A late post about the earlier task is not taken for one about the new task. A restart changes no path."""
    at = callbacks()
    paths = {at.path("cat", 0.0), at.path("cat", 0.5), at.path("dog", 0.0)}
    assert len(paths) == 3
    assert callbacks().path("cat", 0.5) in paths
    assert at.url("PATH") == "https://me.example/hooks/PATH"


def test_without_a_receiver_nothing_is_expected() -> None:
    """No `callback_url` is sent, and no path is found."""
    at = ExpectedCallbacks(public_url=None, secret=bytes(32))
    expected = expect(at)
    assert (expected.path, at.url(expected.path), len(at)) == ("", None, 0)
    assert at.find("") is None


def test_a_submission_is_found_by_its_whole_path_until_it_is_forgotten() -> None:
    """A path that is only nearly right, or that begins like one, finds nothing."""
    at = callbacks()
    expected, other = expect(at), expect(at, "dog")
    assert at.find(expected.path) is expected
    assert at.find(other.path) is other
    for path in ("", expected.path[:-1], expected.path + "A", expected.path[:16] + other.path[16:]):
        assert at.find(path) is None
    expected.forget()
    expected.forget()
    assert not at.has(expected.path)
    assert at.find(expected.path) is None
    assert at.has(other.path)


def test_posts_to_one_path_are_limited() -> None:
    """Twenty at once, then one each second; after a time without posts, twenty again."""
    expected = expect(callbacks())
    assert [expected.admits(100.0) for _ in range(25)] == [True] * 20 + [False] * 5
    assert [expected.admits(now) for now in (100.5, 101.0, 101.5, 102.0)] == [False, True, False, True]
    assert [expected.admits(200.0) for _ in range(25)] == [True] * 20 + [False] * 5


def test_an_early_post_acts_once_the_create_has_ended() -> None:
    """Only the latest one acts, and only once, whether the create was accepted or its answer is lost."""
    acted: list[str] = []
    for end in ("accepted", "doubted"):
        expected = expect(callbacks())
        expected.later(lambda: acted.append("first"))
        expected.later(lambda end=end: acted.append(end))  # type: ignore[misc]  # mypy infers no lambda with a default
        assert end not in acted
        expected.accepted(*TASK) if end == "accepted" else expected.doubted()
        expected.doubted()
        expected.accepted(*TASK)
    assert acted == ["accepted", "doubted"]


def test_what_is_accepted_is_in_doubt_no_more() -> None:
    """It has the id of its task. A claimed id is one that a doubt may have become."""
    expected = expect(callbacks())
    assert not expected.has_id
    expected.doubted()
    assert (expected.is_in_doubt, expected.has_id) == (True, False)
    expected.claimed_id = "t1"
    assert expected.has_id
    expected.accepted(*TASK)
    assert (expected.is_in_doubt, expected.task) == (False, TASK)


async def test_settled_waits_for_an_id_that_is_being_confirmed() -> None:
    """A post that came early acts as it does in a doubt, and the submission is in doubt no more than before."""
    expected = expect(callbacks())
    confirming = asyncio.get_running_loop().create_future()
    seen: list[bool] = []

    def confirm() -> None:
        seen.append(expected.is_in_doubt)
        expected.confirming = confirming

    expected.later(confirm)
    settling = asyncio.ensure_future(expected.settled())
    await asyncio.sleep(0)
    assert (seen, expected.is_in_doubt, settling.done()) == ([True], False, False)
    confirming.set_result(None)
    await settling


def test_no_path_is_shown() -> None:
    """Whoever knows it could post."""
    expected = expect(callbacks())
    assert expected.path not in repr(expected)
