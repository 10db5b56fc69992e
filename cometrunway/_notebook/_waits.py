"""The progress display of a cell's waits. Each cell has one display, which is updated and keeps its last state."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, TypeVar
from uuid import uuid4

from cometrunway._handle import TaskFuture
from cometrunway._notebook import _kernel
from cometrunway._notebook._captions import captioned
from cometrunway._notebook._progress import Snapshot, bundle_of
from cometrunway._submission._batch import BatchFutures

_T = TypeVar("_T")
Subjects = tuple[TaskFuture | BatchFutures, ...]
"""The futures and batches that are waited for."""
_PERIOD = 0.5
"""Seconds between two updates."""
_FOLLOWED = 20
"""The number of earlier cells whose displays are still updated by later cells. Older displays keep their last state."""


class CellProgress:
    """The waits of one cell so far, and their display."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._took: float | None = None
        self._display_id = uuid4().hex
        self._subjects: dict[int, TaskFuture | BatchFutures] = {}
        self._waits = 0
        self._drawn: dict[str, str] | None = None
        self._saved: dict[str, str] | None = None
        """The last bundle that was drawn while a cell ran. nbclient drops the output of a cell that has ended."""
        self._has_ended = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        """Whether the display is final."""
        return self._took is not None and not self._waits

    @contextmanager
    def waits_for(self, subjects: Subjects) -> Iterator[None]:
        """Show the progress of these subjects until the block ends."""
        self._subjects |= {id(subject): subject for subject in subjects}
        self._waits += 1
        if self._drawn is None:
            self._draw(is_saved=not self._has_ended)
        if self._timer is None:
            self._timer = self._loop.call_later(_PERIOD, self._tick)
        try:
            yield
        finally:
            self._waits -= 1

    def draw_at_end(self) -> None:
        """Update the display at the end of its cell, or of a later cell."""
        self._draw(is_waited_for=self._waits > 0, is_saved=True)
        self._has_ended = True

    def _draw(self, *, is_waited_for: bool = True, is_saved: bool) -> None:
        seconds = self._loop.time() - self._began if self._took is None else self._took
        snapshot = Snapshot.of(self._subjects.values(), seconds=seconds, is_waited_for=is_waited_for)
        self._took = seconds if snapshot.is_settled else None
        bundle = bundle_of(snapshot)
        if bundle != (self._saved if is_saved else self._drawn):
            _kernel.show(bundle, display_id=self._display_id, is_update=self._drawn is not None)
            self._drawn = bundle
        if is_saved:
            self._saved = bundle

    def _tick(self) -> None:
        self._draw(is_saved=not self._has_ended)
        self._timer = self._loop.call_later(_PERIOD, self._tick) if self._waits else None


_cells: dict[str, CellProgress] = {}


async def shown(waiting: Awaitable[_T], subjects: Subjects, *, with_progress: bool) -> Any:
    """Wait, and show the progress during the wait. The files of one task are returned with their display."""
    is_shown = with_progress and not all(isinstance(subject, TaskFuture) and subject.done() for subject in subjects)
    with _of_this_cell().waits_for(subjects) if is_shown else nullcontext():
        found = await waiting
    match subjects, found:
        case (TaskFuture() as future,), tuple():
            return captioned(found, future)
    return found


def _of_this_cell() -> CellProgress:
    _begin()
    name = _kernel.cell()
    if name not in _cells:
        _cells[name] = CellProgress()
    return _cells[name]


@cache
def _begin() -> None:
    _kernel.on_cell_end(_bring_up_to_date)


def _bring_up_to_date() -> None:
    """Draw the changes, also of earlier cells, so that a saved notebook has the last state."""
    for name, cell in list(_cells.items()):
        cell.draw_at_end()
        if cell.is_over or len(_cells) > _FOLLOWED:
            del _cells[name]
