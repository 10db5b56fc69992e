"""The progress of a cell's waits as HTML and as text."""

from collections import Counter
from collections.abc import Iterable, Iterator

from attrs import frozen

from cometrunway._handle import TaskFuture, eta_of
from cometrunway._notebook._html import BAD, MUTED, Html, facts, tag
from cometrunway._outcome import Outcome
from cometrunway._plurals import counted
from cometrunway._submission._batch import BatchFutures, outcome_of
from cometrunway._terminal import printable
from cometrunway.progress._display import clock

_LISTED = 10
"""The largest number of unsuccessful shots, and of running shots, that are named."""
_BAR = "width:240px;max-width:100%"
_ENDED = ("delivered", "failed", "cancelled", "refused", "in_doubt")


@frozen(kw_only=True)
class Snapshot:
    """The state of a cell's waits at one moment."""

    counts: Counter[str]
    """The number of shots with each status."""
    waiting: int
    """The number of shots of batches without a task."""
    running: tuple[TaskFuture, ...]
    others: tuple[Outcome, ...]
    """The shots that have ended without files."""
    seconds: float
    """The seconds since the first wait, until now or until the last end."""
    is_waited_for: bool

    @classmethod
    def of(cls, subjects: Iterable[TaskFuture | BatchFutures], *, seconds: float, is_waited_for: bool) -> "Snapshot":
        """Return the state of these subjects."""
        batches = [subject for subject in subjects if isinstance(subject, BatchFutures)]
        of_batches = dict.fromkeys(future for batch in batches for future in batch.kept())
        single = [subject for subject in subjects if isinstance(subject, TaskFuture) and subject not in of_batches]
        futures = [*of_batches, *single]
        counts = sum((batch.counts() for batch in batches), Counter(outcome_of(future).status for future in single))
        outcomes = (outcome_of(future) for future in futures if future.done())
        return cls(
            counts=counts,
            waiting=sum(batch.waiting for batch in batches),
            running=tuple(future for future in futures if not future.done()),
            others=tuple(outcome for outcome in outcomes if outcome.status != "delivered"),
            seconds=seconds,
            is_waited_for=is_waited_for,
        )

    @property
    def is_settled(self) -> bool:
        """Whether the state is final."""
        return not self.running and not self.waiting

    @property
    def total(self) -> int:
        """The number of shots."""
        return self.counts.total() + self.waiting

    @property
    def ended(self) -> int:
        """The number of shots that have ended."""
        return self.total - len(self.running) - self.waiting

    @property
    def fraction(self) -> float:
        """The finished part, from 0 to 1. Running shots count by their progress."""
        partly = sum((future.task and future.task.progress) or 0.0 for future in self.running)
        return (self.ended + partly) / max(1, self.total)

    @property
    def eta(self) -> float | None:
        """The expected seconds until all have ended; None if this is not known yet."""
        eta = eta_of(self.running)
        if eta is None or not self.waiting:
            return eta
        return eta + self.waiting * self.seconds / self.ended if self.ended else None


def bundle_of(snapshot: Snapshot) -> dict[str, str]:
    """Return a snapshot by MIME type."""
    lines = [_summary(snapshot), *(f"  {line}" for line in _lines(snapshot))]
    return {"text/plain": "\n".join(map(printable, lines)), "text/html": _html(snapshot)}


def _html(snapshot: Snapshot) -> Html:
    bar = tag("progress", value=f"{snapshot.fraction:.3f}", max="1", title="how much is done", style=_BAR)
    return tag(
        "div",
        tag("div", *(() if snapshot.is_settled else (bar, " ")), _summary(snapshot)),
        *(tag("div", _told(outcome), style=f"{BAD};overflow-wrap:anywhere") for outcome in snapshot.others[:_LISTED]),
        *(tag("div", line, style=MUTED) for line in _running(snapshot)),
        *(tag("div", line, style=MUTED) for line in _more(snapshot)),
    )


def _summary(snapshot: Snapshot) -> str:
    counts = [f"{snapshot.counts[status]:,} {status.replace('_', ' ')}" for status in _ENDED if snapshot.counts[status]]
    if snapshot.is_settled:
        owed = snapshot.counts["owed"]
        return facts(*counts, f"{owed:,} owed" if owed else None, f"in {clock(snapshot.seconds)}")
    eta = snapshot.eta
    left = f"{clock(snapshot.seconds)} so far" if eta is None else f"about {clock(eta)} left"
    return facts(
        f"{snapshot.ended:,} of {snapshot.total:,}",
        *counts,
        f"{len(snapshot.running):,} running" if snapshot.running else None,
        f"{snapshot.waiting:,} not submitted" if snapshot.waiting else None,
        left if snapshot.is_waited_for else "not waited for now",
    )


def _lines(snapshot: Snapshot) -> Iterator[str]:
    yield from map(_told, snapshot.others[:_LISTED])
    yield from _running(snapshot)
    yield from _more(snapshot)


def _running(snapshot: Snapshot) -> Iterator[str]:
    if len(snapshot.running) <= _LISTED:
        for future in snapshot.running:
            status = future.task.status.value.lower() if future.task else "submitted"
            progress = f"{future.task.progress:.0%}" if future.task and future.task.progress is not None else None
            trouble = f"{counted(future.poll_errors, 'poll')} failed" if future.poll_errors else None
            yield facts(future.key or future.id, "downloading" if future.has_ended else status, progress, trouble)


def _more(snapshot: Snapshot) -> Iterator[str]:
    if len(snapshot.others) > _LISTED:
        yield f"and {len(snapshot.others) - _LISTED:,} more that were not delivered"


def _told(outcome: Outcome) -> str:
    name = outcome.key or outcome.task_id or outcome.route
    return f"{name} {outcome.status.replace('_', ' ')}: {outcome.reason}"
