"""The counts of a batch. They are pure: the caller passes the time."""

from collections import Counter, deque
from itertools import chain, islice

from attrs import define, field

from cometrunway._events import Event, EventKind
from cometrunway._policies import refuses_the_key

_WINDOW = 60.0
"""Seconds over which the rate is measured."""
_FINISHED = {
    EventKind.DOWNLOADED: "delivered",
    EventKind.FAILED: "failed",
    EventKind.CANCELLED: "cancelled",
    EventKind.REFUSED: "refused",
    EventKind.IN_DOUBT: "in doubt",
}


@define(eq=False)
class RunningShot:
    """The last known state of a task that is not finished."""

    name: str
    since: float
    state: str = "submitted"
    is_in_trouble: bool = False
    """Whether its latest poll failed."""


@define
class BatchCounts:
    """The counts of `total` shots, and the running shots."""

    total: int
    began: float
    is_stopped: bool = False
    """Whether nothing more is submitted."""
    submitted: int = field(init=False, default=0)
    """How many shots were submitted."""
    resumed: int = field(init=False, default=0)
    """How many shots an earlier run has submitted, as the journal says."""
    outcomes: Counter[str] = field(init=False, factory=Counter)
    _running: dict[str, RunningShot] = field(init=False, factory=dict)
    _uploading: dict[str, RunningShot] = field(init=False, factory=dict)
    _not_delivered: dict[str, str] = field(init=False, factory=dict)
    _ends: deque[float] = field(init=False, factory=deque)

    def count(self, event: Event, now: float) -> str | None:
        """Count an event. If its shot has finished, return how: a word of `_FINISHED`."""
        name = event.key or event.task_id or event.route
        run = event.task_id or name
        self._count_upload(name, event, now)
        if event.kind in {EventKind.SUBMITTED, EventKind.RESUMED}:
            self.submitted += event.kind is EventKind.SUBMITTED
            self.resumed += event.kind is EventKind.RESUMED
            self._take_back(name)
            self._running[run] = RunningShot(name, now)
        elif event.kind is EventKind.POLL_FAILED:
            self._see(run, why_a_poll_failed(event), is_in_trouble=True)
        elif event.kind is EventKind.ENDED:
            self._see(run, "downloading")
        elif event.kind is EventKind.CHANGED and event.task is not None:
            progress = "" if event.task.progress is None else f" {event.task.progress:.0%}"
            self._see(run, f"{event.task.status.value.lower()}{progress}")
        outcome = _FINISHED.get(event.kind)
        if outcome is not None:
            self._running.pop(run, None)
            self._take_back(name)
            self.outcomes[outcome] += 1
            self._ends.append(now)
            if outcome != "delivered":
                self._not_delivered[name] = outcome
        return outcome

    @property
    def finished(self) -> int:
        """How many shots have finished."""
        return self.outcomes.total()

    @property
    def running(self) -> int:
        """How many shots are at the server or being downloaded."""
        return len(self._running)

    @property
    def uploading(self) -> int:
        """For how many shots a file is being uploaded."""
        return len(self._uploading)

    @property
    def waiting(self) -> int:
        """How many shots are not yet submitted."""
        return 0 if self.is_stopped else max(0, self.total - self.finished - self.running)

    def rate(self, now: float) -> float:
        """Return how many shots finish per second, over the last minute."""
        while self._ends and self._ends[0] < now - _WINDOW:
            self._ends.popleft()
        return len(self._ends) / max(1.0, min(_WINDOW, now - self.began))

    def left(self, now: float, eta: float | None) -> float | None:
        """Return the expected seconds until the end of the batch, from those of the running shots; None if unknown."""
        if not self.waiting:
            return eta if self.running else 0.0
        rate = self.rate(now)
        return None if eta is None or not rate else eta + self.waiting / rate

    def interesting(self, number: int) -> tuple[RunningShot, ...]:
        """Return some shots: first those whose polls fail, then those that upload, then those that run longest."""
        in_trouble = list(islice((shot for shot in self._running.values() if shot.is_in_trouble), number))
        longest = (shot for shot in self._running.values() if not shot.is_in_trouble)
        return (*in_trouble, *islice(chain(self._uploading.values(), longest), number - len(in_trouble)))

    def _count_upload(self, name: str, event: Event, now: float) -> None:
        is_sent = event.progress == 1.0 and event.key is None  # without a key its next event has another name
        if event.kind is not EventKind.UPLOADING or is_sent:
            self._uploading.pop(name, None)
        else:
            shot = self._uploading.setdefault(name, RunningShot(name, now))
            shot.state = f"uploading {event.progress or 0.0:.0%}"

    def _take_back(self, name: str) -> None:
        """Take back a counted end of a shot that is not its end: it is submitted again, or its file came later."""
        outcome = self._not_delivered.pop(name, None)
        if outcome is not None:
            self.outcomes[outcome] -= 1

    def _see(self, run: str, state: str, *, is_in_trouble: bool = False) -> None:
        shot = self._running.get(run)
        if shot is not None:
            shot.state, shot.is_in_trouble = state, is_in_trouble


def why_a_poll_failed(event: Event) -> str:
    """Return the text about a failed poll, which does no harm."""
    if event.error is not None and refuses_the_key(event.error):
        return f"the gateway refuses the key, trying again: {event.error}"
    return f"a poll failed, and the wait continues: {event.error}"
