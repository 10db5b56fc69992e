"""Policies: how long each pause is, and what may be tried again."""

from itertools import pairwise
from random import Random

import pytest

from cometrunway import PollPolicy, RetryPolicy, errors
from cometrunway._policies import asked_pause, is_transient, refuses_the_key


def test_a_pause_lies_in_the_upper_half_of_its_step(rng: Random) -> None:
    """The n-th pause is drawn from the upper half of first * growth ** n, and that is at most twice the first."""
    policy = PollPolicy(first=8, growth=1.5, ceiling=100, floor=1)
    for polls, step in enumerate([8, 12, 16, 16]):
        for _ in range(50):
            assert step / 2 <= policy.pause(polls, rng.random()) <= step


def test_no_pause_is_below_the_floor(rng: Random) -> None:
    """The floor holds even where the jitter would go below it."""
    policy = PollPolicy(first=2, floor=2)
    assert min(policy.pause(0, rng.random()) for _ in range(100)) == 2


def test_first_polls_are_spread(rng: Random) -> None:
    """A thousand tasks submitted at once are not polled in one instant."""
    pauses = sorted(PollPolicy().pause(0, rng.random()) for _ in range(1000))
    assert pauses[-1] - pauses[0] > 2
    assert max(later - earlier for earlier, later in pairwise(pauses)) < 0.1


def test_an_unknown_task_is_looked_at_after_three_to_five_seconds(rng: Random) -> None:
    """The documentation asks to wait a few seconds after task_not_exist."""
    assert all(3 <= PollPolicy().pause_while_unknown(rng) <= 5 for _ in range(100))


@pytest.mark.parametrize(
    "options",
    [
        {"first": 0},
        {"price": 1e-9},
        {"growth": 1},
        {"floor": -1},
        {"ceiling": 0.5},
        {"grace": -1},
        {"key_grace": -1},
        {"deadline": 0},
        {"per_second": 0},
    ],
)
def test_a_policy_out_of_range_is_refused(options: dict[str, float]) -> None:
    """A wrong knob is an error that names it."""
    with pytest.raises(ValueError, match=next(iter(options))):
        PollPolicy(**options)  # type: ignore[arg-type]  # the point


def test_an_unknown_rule_is_told_in_one_line() -> None:
    """With the rules that there are."""
    with pytest.raises(ValueError, match=r"^PollPolicy.rule must be learned, backoff or fixed, got 'fast'$"):
        PollPolicy(rule="fast")  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("options", [{"attempts": 0}, {"ceiling": 0}, {"asset_grace": -1}, {"slowest": -1}])
def test_a_retry_policy_out_of_range_is_refused(options: dict[str, float]) -> None:
    """A wrong knob is an error that names it."""
    with pytest.raises(ValueError, match=f"RetryPolicy.{next(iter(options))} must be"):
        RetryPolicy(**options)  # type: ignore[arg-type]  # the point


def test_there_is_one_pause_fewer_than_attempts(rng: Random) -> None:
    """Six attempts have five pauses between them, which double up to the ceiling, plus up to a second."""
    pauses = list(RetryPolicy(attempts=6, ceiling=8).pauses(rng))
    assert len(pauses) == 5
    for step, pause in zip([1, 2, 4, 8, 8], pauses, strict=True):
        assert step <= pause <= step + 1


def test_one_attempt_never_pauses(rng: Random) -> None:
    """A policy of one attempt repeats nothing."""
    assert list(RetryPolicy(attempts=1).pauses(rng)) == []


@pytest.mark.parametrize(
    ("error", "transient", "refuses"),
    [
        (errors.TransportError("reset"), True, False),
        (errors.OutcomeUnknownError("lost"), False, False),
        (errors.ServerError("bad gateway", status=502), True, False),
        (errors.RateLimitedError("slow down", status=429), True, False),
        (errors.ProtocolError("HTML", status=200), True, False),
        (errors.InvalidRequestError("no", status=400), False, False),
        (errors.InsufficientBalanceError("no", status=403), False, False),
        (errors.AuthenticationError("no", status=401, body=b'{"error": {}}'), False, True),
        (errors.PermissionDeniedError("no", status=403, body=b'\xef\xbb\xbf\n {"error": {}}'), False, True),
        (errors.AuthenticationError("no", status=401), False, False),
        (errors.PermissionDeniedError("no", status=403, body=b"error code: 1020"), False, False),
        (errors.PermissionDeniedError("no", status=403, body=b"<html>"), False, False),
        (errors.TaskNotFoundError("no", status=400), False, False),
    ],
)
def test_what_passes_and_what_refuses_the_key(error: errors.CometRunwayError, transient: bool, refuses: bool) -> None:
    """A free call is repeated after what may pass; the key is refused only by the API's own word."""
    assert (is_transient(error), refuses_the_key(error)) == (transient, refuses)


def test_the_pauses_while_the_key_is_refused_grow(rng: Random) -> None:
    """Each is longer than the one before, up to the ceiling, and none is below the floor."""
    policy = PollPolicy(floor=3, ceiling=30)
    pauses = [policy.pause_while_refused(refusals, rng) for refusals in range(1, 12)]
    assert pauses[1:5] == sorted(pauses[1:5])
    assert min(pauses) >= 3
    assert max(pauses) <= 37.5


def test_a_retry_after_is_honoured_up_to_a_minute() -> None:
    """A server cannot stop us for longer than a minute, and only a 429 can."""
    error = errors.RateLimitedError("slow down", status=429)
    assert asked_pause(error) is None
    error.retry_after = 7.0
    assert asked_pause(error) == 7.0
    error.retry_after = 3600.0
    assert asked_pause(error) == 60.0
    assert asked_pause(errors.ServerError("x", status=503)) is None
