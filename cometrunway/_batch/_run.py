"""One run of a batch: every shot submitted, awaited and entered in a table."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from attrs import define, field

from cometrunway import (
    Asset,
    CometRunwayError,
    Event,
    EventKind,
    OutcomeUnknownError,
    PollPolicy,
    Session,
    Shot,
    TaskHandle,
)
from cometrunway.emulator import Emulator
from cometrunway.progress import Board

_EMULATED_POLLS = PollPolicy(first=1.5, floor=0.3, ceiling=3)


@define(kw_only=True)
class Row:
    """What the table says of one shot."""

    key: str
    route: str
    task_id: str = ""
    status: str = "not submitted"
    seconds: float | None = None
    """From the create's answer to the files on disk, or to the failure."""
    assets: tuple[Asset, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        names = ", ".join(asset.path.name for asset in self.assets if asset.path)
        size = sum(asset.size or 0 for asset in self.assets)
        seconds = "" if self.seconds is None else f"{self.seconds:.1f}"
        return self.key, self.route, self.task_id, self.status, seconds, names, f"{size:,}" if size else ""


_HEADINGS = ("shot", "route", "id", "status", "seconds", "file", "bytes")


@define(kw_only=True)
class BatchRun:
    """Runs `shots`, or finishes what a journal owes; `rows` and `owed` tell what became of them, interrupted or not."""

    shots: Sequence[Shot] | None
    """None finishes what `journal` owes."""
    output_dir: Path
    board: Board
    journal: Path | None = None
    emulated: bool = False
    """Against a server of our own in this process, which needs no key and costs nothing."""
    base_url: str | None = None
    rows: dict[str, Row] = field(factory=dict)
    owed: tuple[TaskHandle, ...] = ()
    stopped_by: CometRunwayError | None = None
    _submitted_at: dict[str, float] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.rows = {shot.key: Row(key=shot.key, route=shot.request.route) for shot in self.shots or ()}

    async def run(self) -> None:
        """Submit, wait and download.

        Raises:
            JournalError: the journal cannot be used; nothing was sent.
        """
        this, loop = asyncio.current_task(), asyncio.get_running_loop()
        if this is not None and sys.platform != "win32":
            loop.add_signal_handler(signal.SIGTERM, this.cancel)  # as orderly as Ctrl-C
        async with AsyncExitStack() as stack:
            session = await self._session(stack)
            stack.callback(self._note_owed, session)
            stack.enter_context(self.board)
            await stack.enter_async_context(session)
            try:
                async for handle in self._handles(session):
                    await self._enter(handle)
            except CometRunwayError as error:
                self.stopped_by = error

    async def _handles(self, session: Session) -> AsyncIterator[TaskHandle]:
        if self.shots is not None:
            async for handle in session.map(self.shots):
                yield handle
        else:
            for handle in await session.resume():
                yield handle

    async def _session(self, stack: AsyncExitStack) -> Session:
        options: dict[str, Any] = {
            "output_dir": self.output_dir,
            "journal": self.journal,
            "on_event": self._on_event,
        }
        if not self.emulated:
            return Session(base_url=self.base_url, **options)
        server = await stack.enter_async_context(Emulator())
        return Session(server.api_key, base_url=server.base_url, poll=_EMULATED_POLLS, **options)

    def _note_owed(self, session: Session) -> None:
        self.owed = session.owed

    def _on_event(self, event: Event) -> None:
        key, now = event.key or "", asyncio.get_running_loop().time()
        row = self.rows.setdefault(key, Row(key=key, route=event.route))
        if event.kind in {EventKind.SUBMITTED, EventKind.RESUMED}:
            row.task_id, row.status = event.task_id or "", "owed"
        if event.kind is EventKind.SUBMITTED:
            self._submitted_at[key] = now
        elif event.kind in {EventKind.DOWNLOADED, EventKind.FAILED} and key in self._submitted_at:
            row.seconds = now - self._submitted_at[key]
        self.board.on_event(event)

    async def _enter(self, handle: TaskHandle) -> None:
        row = self.rows[handle.key or ""]
        try:
            row.assets = await handle
            row.status = "succeeded"
        except OutcomeUnknownError:
            row.status = "in doubt"
        except (CometRunwayError, ValueError) as error:
            row.status = type(error).__name__.removesuffix("Error")

    @property
    def failures(self) -> list[str]:
        """The keys of the shots that did not succeed."""
        return [row.key for row in self.rows.values() if row.status != "succeeded"]

    def table(self) -> str:
        """Return a row for each shot, in columns, the numbers aligned to the right."""
        return _aligned([_HEADINGS, *(row.cells for row in self.rows.values())])


def _aligned(rows: Iterable[tuple[str, ...]]) -> str:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    to_the_right = {_HEADINGS.index("seconds"), _HEADINGS.index("bytes")}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in to_the_right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
