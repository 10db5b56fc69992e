"""Sends data to a live page: the first shots, then the changes, and other shots when the page asks for them."""

import asyncio
import json
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from cometrunway._gallery._cards import Card, MediaFile
from cometrunway._gallery._data_scripts import BLOCK, PAGE, Rows, data_script
from cometrunway._gallery._numbered import Change, NumberedShots
from cometrunway._gallery._source import Id, Source

DATA_URL: Final = "data/"
_REST = 4
"""The pause after a step, as a multiple of its duration. The first scan has no pauses: a reader waits for it."""
_STEP = 100_000
"""The number of shots that one step of a scan checks, in about a quarter of a second."""
_READ = 20
"""A new or changed shot counts as this number of checked shots, because it is read completely."""
_KEPT = 4
"""The number of encoded events that are kept. A few are enough, because pages are at most briefly behind each other."""
_MOST_TOLD = 1000
"""The largest number of changed shots in an event. A larger event lists pages, which a browser loads when needed."""
_AT_ONCE = 4
"""The largest number of scripts that are made at the same time."""


class Feed:
    """The shots of a source. Each has a permanent number, and the version at which it last changed.

    A thread scans the source step by step, only if the source has changed, only while a page is connected, and at most
    a fifth of the time. The feed holds only a few bytes for each shot. It reads the rest from the source when a page
    needs it.
    """

    def __init__(self, source: Source) -> None:
        self.version = 0
        self._source = source
        self._shots = NumberedShots()
        self._is_written = False
        self._problem: str | None = None
        self.is_first = True
        """Whether the first scan is still under way."""
        self._signature: object = None
        self._next_signature: object = None
        self._after: Id | None = None
        """The shot after which the present scan continues."""
        self._is_settled = False
        self._rests_until = 0.0
        self._scanning = asyncio.Lock()
        self._encoding = asyncio.Lock()
        self._encoded: dict[tuple[int, int], bytes] = {}
        self._reading = asyncio.Semaphore(_AT_ONCE)

    async def refresh(self) -> None:
        """Take one step of a scan of the source, if it changed."""
        now = asyncio.get_running_loop().time
        async with self._scanning:
            begun = now()
            if begun < self._rests_until:
                return
            is_first = self.is_first
            try:
                if self._after is not None or await self._is_changed():
                    await self._step()
            except Exception as error:  # noqa: BLE001 - the page shows any error
                self._after = None
                self._take([], is_first=False, is_written=False, problem=str(error) or repr(error))
            self._rests_until = now() if is_first else now() + _REST * (now() - begun)

    async def _is_changed(self) -> bool:
        """Whether a scan is due. File times are coarse: a change just after a scan may have the same time as before."""
        self._next_signature = await asyncio.to_thread(self._current_signature)
        return self._next_signature != self._signature or not self._is_settled

    async def _step(self) -> None:
        after, changes, is_written, problem = await asyncio.to_thread(self._scan)
        self._take(changes, is_first=self.is_first and after is not None, is_written=is_written, problem=problem)
        self._after = after
        if after is None:
            self._is_settled = self._next_signature == self._signature
            self._signature = self._next_signature

    def _current_signature(self) -> object:
        # A killed process changes no file, so its lock is checked. The check holds the lock for a moment: it is made
        # only while a process was writing.
        return self._source.signature(), self._is_written and self._source.is_written()

    def _scan(self) -> tuple[Id | None, list[Change], bool, str | None]:
        """Find the changes of one step. Called in a thread, while the state of the feed does not change."""
        if self._after is None:
            self._shots.begin()
        changes, effort = [], 0
        with self._source.scanning(self._shots.is_known, self._after) as scan:
            for seen in scan.shots:
                if seen.card is not None:
                    changes.append(Change(seen.id, seen.mark, seen.card.kind, seen.card.known))
                effort += 1 if seen.card is None else _READ
                if effort >= _STEP:
                    return seen.id, changes, scan.is_written, scan.problem
        changes += map(Change, self._shots.missing())
        return None, changes, scan.is_written, scan.problem

    def _take(self, changes: list[Change], *, is_first: bool, is_written: bool, problem: str | None) -> None:
        before = self.is_first, self._is_written, self._problem
        self.is_first, self._is_written, self._problem = is_first, is_written, problem
        is_changed = before != (is_first, is_written, problem)
        for change in changes:
            self._shots.set(change, self.version + 1)
        self.version += is_changed or bool(changes)

    async def state(self) -> dict[str, Any]:
        """Return the first data of a page: the first shots, and the number of shots by kind."""
        data = {"url": DATA_URL, "page": PAGE, "block": BLOCK}
        state = self._state()  # before the shots are read: changes meanwhile are sent again
        try:
            shots = await asyncio.to_thread(self._whole, range(min(PAGE, len(self._shots.ids))))
        except Exception as error:  # noqa: BLE001 - the page shows any error
            return {**state, "data": data, "shots": [], "problem": str(error) or repr(error)}
        return {**state, "data": data, "shots": shots}

    def _state(self) -> dict[str, Any]:
        return {
            **self._shots.tally.to_json(),
            "version": self.version,
            "total": len(self._shots.ids),
            "isWritten": self._is_written,
            "problem": self._problem,
            "isRead": not self.is_first,
        }

    async def event(self, since: int) -> tuple[int, bytes]:
        """Return the changes after a version as an event of a stream, and the version after them.

        The event is encoded once for all pages with the same version.
        """
        async with self._encoding:
            steps = since, self.version
            if steps not in self._encoded:
                self._encoded[steps] = await self._encode(since)
                for old in list(self._encoded)[:-_KEPT]:
                    del self._encoded[old]
            return steps[1], self._encoded[steps]

    async def _encode(self, since: int) -> bytes:
        state = self._state()
        changed = list(islice(self._shots.since(since), _MOST_TOLD + 1))
        told: dict[str, Any] = {"shots": [], "pages": self._shots.pages_since(since)}
        if len(changed) <= _MOST_TOLD:
            try:
                told = {"shots": await asyncio.to_thread(self._whole, changed)}
            except Exception as error:  # noqa: BLE001 - the page shows any error
                state["problem"] = str(error) or repr(error)
        return f"id: {state['version']}\ndata: {json.dumps({**state, **told}, allow_nan=False)}\n\n".encode()

    async def script(self, kind: str, number: int) -> str | None:
        """Return the script with a page of shots, or with a block of rows or texts; None if it does not exist."""
        size = PAGE if kind == "shots" else BLOCK
        numbers = range(number * size, min((number + 1) * size, len(self._shots.ids)))
        if not numbers:
            return None
        version = self.version  # before the shots are read: changes meanwhile are sent again
        make = {"shots": self._whole, "rows": self._rows, "texts": self._texts}[kind]
        async with self._reading:
            content = await asyncio.to_thread(make, numbers)
            return await asyncio.to_thread(data_script, f"{kind}-{number}", content, version=version)

    def _whole(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        numbers = list(numbers)
        return [
            {"n": number, "gone": True} if card is None else card.to_json(number, _link)
            for number, card in zip(numbers, self._cards(numbers), strict=True)
        ]

    def _rows(self, numbers: Iterable[int]) -> dict[str, Any]:
        rows = Rows()
        for card in self._cards(numbers):
            rows.add(card)
        return rows.to_json()

    def _texts(self, numbers: Iterable[int]) -> list[str]:
        return ["" if card is None else card.text for card in self._cards(numbers)]

    def _cards(self, numbers: Iterable[int]) -> Iterable[Card | None]:
        return self._source.cards([self._shots.ids[number] for number in numbers])

    async def file(self, number: int, index: int) -> MediaFile | None:
        """Return the file with this index of the shot with this number."""
        if number >= len(self._shots.ids):
            return None
        [card] = await asyncio.to_thread(lambda: list(self._cards([number])))
        return card.files[index] if card and index < len(card.files) else None


def _link(number: int, index: int, _file: MediaFile) -> str:
    return f"media/{number}/{index}"
