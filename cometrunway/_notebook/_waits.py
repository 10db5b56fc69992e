"""The progress of what a cell waits for: one display for the cell, updated in place, whose last state stays."""

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
"""What is waited for."""
_PERIOD = 0.5
"""Seconds between two updates."""
_FOLLOWED = 20
"""Cells whose displays later cells bring up to date; that of an earlier one keeps its last state."""


class CellProgress:
    """What one cell has waited for so far, and its display."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._took: float | None = None
        self._display_id = uuid4().hex
        self._subjects: dict[int, TaskFuture | BatchFutures] = {}
        self._waits = 0
        self._drawn: dict[str, str] | None = None
        self._saved: dict[str, str] | None = None
        """What was last drawn while a cell ran: nbclient drops what comes from a cell that has ended."""
        self._has_ended = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        """Whether its display will not change any more."""
        return self._took is not None and not self._waits

    @contextmanager
    def waits_for(self, subjects: Subjects) -> Iterator[None]:
        """Show the progress of these until the block ends."""
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
        """Bring the display up to date at the end of its cell, or of a later one."""
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
    """Wait, and show the progress meanwhile; the files of one task are returned so that the notebook shows them."""
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
    """Draw what has changed, also of earlier cells: what is saved is the last state."""
    for name, cell in list(_cells.items()):
        cell.draw_at_end()
        if cell.is_over or len(_cells) > _FOLLOWED:
            del _cells[name]
