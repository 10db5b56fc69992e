"""How long a refused create is tried."""

import math
from random import Random

import pytest

from cometrunway import RetryPolicy
from cometrunway._submission._patience import Patience


def given_up_at(patience: Patience, times: list[float], *, accepted_at: float = 0.0, may_pass: bool = False) -> float:
    """Return when the first of these 429s is the last; infinity if none is."""
    for now in times:
        if not patience.outlasts(now, accepted_at, may_pass=may_pass):
            return now
    return math.inf


EACH_SECOND = [float(second) for second in range(1, 200)]


def test_a_create_is_given_up_after_its_attempts_and_a_minute(rng: Random) -> None:
    """A limit per minute is outlasted, though it refuses for longer than all backoffs together."""
    assert given_up_at(Patience(RetryPolicy(), rng), EACH_SECOND) == 60
    assert given_up_at(Patience(RetryPolicy(attempts=7), rng), EACH_SECOND) == pytest.approx(66, abs=4)


def test_who_wants_one_attempt_gets_one(rng: Random) -> None:
    """With `attempts=1` the first 429 is the last."""
    assert given_up_at(Patience(RetryPolicy(attempts=1), rng), EACH_SECOND) == 1


def test_no_create_is_given_up_while_others_are_accepted(rng: Random) -> None:
    """However often it was refused."""
    patience = Patience(RetryPolicy(attempts=2), rng)
    assert all(patience.outlasts(now, now - 0.5, may_pass=False) for now in EACH_SECOND)


def test_a_limit_of_unfinished_tasks_is_waited_for(rng: Random) -> None:
    """While tasks are unfinished, one of their ends may be what the gateway waits for."""
    assert given_up_at(Patience(RetryPolicy(), rng), EACH_SECOND, may_pass=True) == math.inf


def test_other_refusals_have_the_pauses_of_the_policy(rng: Random) -> None:
    """One fewer than attempts."""
    patience = Patience(RetryPolicy(attempts=3), rng)
    pauses = [patience.next_pause() for _ in range(4)]
    assert pauses[2:] == [None, None]
    assert None not in pauses[:2]
