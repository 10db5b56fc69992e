"""The duration model: what it learns of tasks of each kind, by their age and by their progress."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest

from cometrunway._polling._duration_model import _AGE_EDGES, _PROGRESS_EDGES, DurationModel, ObservedTask


@pytest.mark.parametrize("edges", [_AGE_EDGES, _PROGRESS_EDGES])
def test_bins_rise_from_zero(edges: tuple[float, ...]) -> None:
    """Each age, and each progress, is in one bin, and a bin is wider than nothing."""
    assert edges[0] == 0.0
    assert all(start < end for start, end in pairwise(edges))


def new_model() -> DurationModel:
    """Return a model with the policy's defaults."""
    return DurationModel(price=0.25, shortest=1.0, longest=30.0)


def wait(model: DurationModel, task: ObservedTask, cautious: float, *, waiting: int = 1) -> float:
    """Return the seconds until the next poll at a task that was polled now, within its slack."""
    pause, slack = model.pause(task, task.age, cautious, waiting=waiting)
    assert 0 < slack <= pause
    return pause


def teach(model: DurationModel, end: float) -> None:
    """Let it see a task end at about this age, and not before."""
    model.learn(ObservedTask(kind="a"), end - 1, ended=False)
    model.learn(ObservedTask(kind="a", age=end - 1), end + 1, ended=True)


def test_before_an_end_is_known_the_pause_is_cautious() -> None:
    """Until a task of its kind has ended, a pause is the cautious one, and one kind teaches no other."""
    model = new_model()
    assert wait(model, ObservedTask(kind="a"), 9.0) == 9.0
    for _ in range(12):
        teach(model, 30.0)
    assert wait(model, ObservedTask(kind="a"), 9.0) != 9.0
    assert wait(model, ObservedTask(kind="b"), 9.0) == 9.0


def test_a_few_first_polls_spare_the_others_their_polls() -> None:
    """Where a dozen of a kind were just seen to live, the cautious pause of all others begins there."""
    model = new_model()
    for _ in range(12):
        model.learn(ObservedTask(kind="a"), 16.0, ended=False)
    assert 16.0 < wait(model, ObservedTask(kind="a"), 4.0) + 1 < 16.0 + 5.0
    assert wait(model, ObservedTask(kind="a", age=16.0), 4.0) == 4.0


def test_the_first_polls_of_many_go_in_shorter_steps_where_ends_are_near() -> None:
    """Once a task has ended, the cautious pause is shorter the more are waited for, down to three tenths."""
    model = new_model()
    for _ in range(12):
        model.learn(ObservedTask(kind="a"), 16.0, ended=False)
    seen = ObservedTask(kind="a", age=16.0)
    assert wait(model, seen, 4.0, waiting=5000) == 4.0
    model.learn(ObservedTask(kind="a", age=9.0), 10.0, ended=True)
    pauses = [wait(model, seen, 4.0, waiting=waiting) for waiting in (100, 600, 5000)]
    assert pauses == pytest.approx([4.0, 2.0, 1.2])


def test_progress_that_has_not_proved_itself_only_brings_a_poll_forward() -> None:
    """Before ends have shown what it is worth, a poll comes when it says that the task ends, unless that is past."""
    model, task = new_model(), ObservedTask(kind="a")
    task.observe(5.0, 0.5)
    assert wait(model, task, 9.0) == pytest.approx(5.0 + 1.0)
    task.observe(12.0, 0.6)
    assert wait(model, task, 9.0) == 9.0
    task.observe(13.0, 0.1)
    assert wait(model, task, 9.0) == 9.0


def test_no_pause_leaves_its_bounds() -> None:
    """Whatever was learnt, no pause is shorter or longer than allowed."""
    model = new_model()
    for end in range(1, 400):
        model.learn(ObservedTask(kind="a", age=end - 0.5), float(end), ended=True)
    for age in range(500):
        assert 1.0 <= wait(model, ObservedTask(kind="a", age=float(age)), 9.0) <= 30.0


def test_beyond_what_is_known_the_pace_is_cautious() -> None:
    """At an age that no task has reached, the pause is not above the cautious one."""
    model = new_model()
    for _ in range(100):
        model.learn(ObservedTask(kind="a", age=29.0), 30.0, ended=True)
    assert wait(model, ObservedTask(kind="a", age=200.0), 4.0) <= 4.0


def test_the_slack_at_the_frontier_is_a_step_whichever_clock_is_asked() -> None:
    """Where a pause is cut short at what is known, its look moves by parts of the step only, in whatever units."""
    model = new_model()
    for number in range(60):
        end, task = 20.0 + number, ObservedTask(kind="a")
        for age in range(3, int(end), 3):
            model.learn(task, float(age), ended=False)
            task.observe(float(age), age / end)
        model.learn(task, end + 0.5, ended=True)
    for number in range(500):
        task = ObservedTask(kind="a")
        task.observe(10.0, 10 / (200 + number))
        task.observe(15.0, 15 / (200 + number))
        pause, slack = model.pause(task, 15.0, 2.0, waiting=1)
        assert pause == pytest.approx(30.0)
        assert slack == 2.0


def test_progress_is_a_clock() -> None:
    """Two reports give a rate, and the rate tells how far the task will have come."""
    task = ObservedTask(kind="a")
    task.observe(10.0, 0.2)
    task.observe(20.0, 0.4)
    assert task.has_progress
    assert task.progress_at(30.0) == pytest.approx(0.6)
    task.observe(30.0, 0.4)  # it stands still, or is reported coarsely: the clock goes on
    assert task.progress_at(40.0) == pytest.approx(0.8)


def test_progress_at_once_tells_no_rate() -> None:
    """A task taken up from elsewhere, of unknown age, has come far at its first poll: its rate is told by the next."""
    task = ObservedTask(kind="a")
    task.observe(0.0, 0.5)
    assert not task.has_progress
    task.observe(10.0, 0.6)
    assert task.progress_at(20.0) == pytest.approx(0.7)


def test_progress_that_goes_backwards_is_ignored() -> None:
    """A report below the last one does not turn the clock back."""
    task = ObservedTask(kind="a")
    task.observe(10.0, 0.5)
    task.observe(20.0, 0.1)
    assert task.progress_at(20.0) == pytest.approx(1.0)


def test_what_was_learnt_can_be_taken_up() -> None:
    """A model that begins with another's snapshot, which went through JSON, gives about the same pauses."""
    old, new = new_model(), new_model()
    for end in range(20, 60):
        task = ObservedTask(kind="a", age=end - 3.0)
        old.learn(task, float(end), ended=True)
    new.restore("a", json.loads(json.dumps(old.snapshot()["a"])))
    for age in (0.0, 15.0, 30.0, 50.0):
        task = ObservedTask(kind="a", age=age)
        assert wait(new, task, 9.0) == pytest.approx(wait(old, task, 9.0), rel=0.01)


def test_what_is_old_is_soon_outweighed() -> None:
    """After a hundred fresh ends, what thousands had taught before counts for less than half."""
    old, new = new_model(), new_model()
    for _ in range(3000):
        teach(old, 20.0)
    new.restore("a", old.snapshot()["a"])
    for _ in range(120):
        teach(new, 60.0)
    half = new.expected_age(ObservedTask(kind="a"), 2.0)
    assert half is not None
    assert half > (20 + 60) / 2


@pytest.mark.parametrize(
    "damage",
    [
        {"bins": [3, 1.0, 2.0]},
        {"events": [1.0] * 1000},
        {"events": ["1"]},
        {"exposure": [-1.0]},
        {"exposure": [math.nan]},
        {"exposure": [10**400]},
        {"exposure": None},
        {"ends": "many"},
    ],
)
def test_a_snapshot_that_does_not_fit_changes_nothing(damage: dict[str, Any]) -> None:
    """What is damaged, or of other bins, is refused whole."""
    model = new_model()
    for _ in range(10):
        model.learn(ObservedTask(kind="a", age=29.0), 30.0, ended=True)
    before = model.snapshot()
    damaged = {**before["a"], "by_progress": {**before["a"]["by_progress"], **damage}}
    with pytest.raises((ValueError, TypeError)):
        model.restore("a", damaged)
    assert model.snapshot() == before


def test_progress_that_foretells_worse_than_age_is_not_used() -> None:
    """However many ends it has seen: tasks that all end at 30 s may report any progress."""
    model, without = new_model(), new_model()
    for number in range(8):
        for taught, progress in ((model, 0.1 + 0.1 * number), (without, None)):
            task = ObservedTask(kind="a")
            for age in (10.0, 29.0):
                taught.learn(task, age, ended=False)
                task.observe(age, progress)
            taught.learn(task, 31.0, ended=True)
    hasty, plain = ObservedTask(kind="a"), ObservedTask(kind="a")
    hasty.observe(10.0, 0.9)
    plain.observe(10.0, None)
    assert wait(model, hasty, 9.0) == wait(without, plain, 9.0)
