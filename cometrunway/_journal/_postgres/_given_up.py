"""The tasks for which a session has given up its wait, such as those whose files cannot be downloaded."""

from collections.abc import Collection

from attrs import define, field

_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 900.0
"""Seconds until a session takes such a task over again: after its first try, and after many."""


@define
class GivenUp:
    """Pauses that double with each try, so that a task that cannot be finished takes little from the others."""

    _pauses: dict[str, tuple[float, float]] = field(factory=dict)
    """The end of each task's present pause, and its length."""

    def add(self, task_id: str, now: float) -> None:
        """Begin the next pause of a task."""
        _, last = self._pauses.get(task_id, (now, _FIRST_PAUSE / 2))
        pause = min(2 * last, _LONGEST_PAUSE)
        self._pauses[task_id] = now + pause, pause

    def paused(self, now: float) -> list[str]:
        """Return the tasks that are not to be taken over now."""
        return [task_id for task_id, (until, _) in self._pauses.items() if until > now]

    def forget(self, task_ids: Collection[str]) -> None:
        """Forget tasks whose files are there."""
        for task_id in task_ids:
            self._pauses.pop(task_id, None)
