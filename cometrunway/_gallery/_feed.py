"""What is sent to a live page: all shots at first, then only what has changed."""

import asyncio
import json
from functools import lru_cache
from typing import Any

from attrs import define

from cometrunway._gallery._cards import Card, MediaFile
from cometrunway._gallery._sources import Batch, Source

_REST = 4
"""How many times as long as a read took none follows it: one of 10,000 shots takes a quarter of a second."""
_KEPT = 4
"""How many events are kept encoded: pages differ in how far they are behind for a moment only."""


@define
class _Row:
    card: Card | None
    """None once it has gone."""
    version: int


class Feed:
    """The shots of a source, numbered for good, each with the version at which it last changed.

    The source is read by a thread, only when it changed, only while somebody asks, and at most a fifth of the time.
    """

    def __init__(self, source: Source) -> None:
        self.version = 0
        self._source = source
        self._rows: dict[str, _Row] = {}
        self._numbers: list[str] = []
        self._is_written = False
        self._problem: str | None = None
        self._signature: object = None
        self._is_settled = False
        self._rests_until = 0.0
        self._lock = asyncio.Lock()
        self._encoded = lru_cache(_KEPT)(self._encode)

    async def refresh(self) -> None:
        """Read the source if it changed."""
        now = asyncio.get_running_loop().time
        async with self._lock:
            begun = now()
            if begun < self._rests_until:
                return
            try:
                await self._read_if_changed()
            except Exception as error:  # noqa: BLE001 - the page shows any error
                known = tuple(row.card for row in self._rows.values() if row.card)
                self._take(Batch(cards=known, problem=str(error) or repr(error)))
            self._rests_until = now() + _REST * (now() - begun)

    async def _read_if_changed(self) -> None:
        signature = await asyncio.to_thread(self._look)
        # A file's time is coarse: what was written just after the last read may bear the same. So once more.
        if signature == self._signature and self._is_settled:
            return
        batch = await asyncio.to_thread(self._source.read)
        self._is_settled, self._signature = signature == self._signature, signature
        self._take(batch)

    def _look(self) -> object:
        # That a process was killed changes no file. Who is not there is not asked for: asking holds the lock a moment.
        return self._source.signature(), self._is_written and self._source.is_written()

    def _take(self, batch: Batch) -> None:
        version = self.version + 1
        cards = {card.key: card for card in batch.cards}
        for key in {**self._rows, **cards}:  # in order: new ones get their numbers as they come
            self._set(key, cards.get(key), version)
        is_changed = (self._is_written, self._problem) != (batch.is_written, batch.problem)
        self._is_written, self._problem = batch.is_written, batch.problem
        if is_changed or any(row.version == version for row in self._rows.values()):
            self.version = version

    def _set(self, key: str, card: Card | None, version: int) -> None:
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = _Row(card, version)
            self._numbers.append(key)
        elif row.card != card:
            row.card, row.version = card, version

    def since(self, version: int) -> dict[str, Any]:
        """Return the state, with those shots that changed after a version; all of them after 0."""
        return {
            "version": self.version,
            "isWritten": self._is_written,
            "problem": self._problem,
            "shots": [
                {"n": number, "gone": True} if row.card is None else row.card.to_json(number, _link)
                for number, row in enumerate(map(self._rows.__getitem__, self._numbers))
                if row.version > version
            ],
        }

    def event(self, version: int) -> bytes:
        """Return what changed after a version as an event of a stream, encoded once for all pages that stand there."""
        return self._encoded(version, self.version)

    def _encode(self, since: int, version: int) -> bytes:
        return f"id: {version}\ndata: {json.dumps(self.since(since), allow_nan=False)}\n\n".encode()

    def file(self, number: int, index: int) -> MediaFile | None:
        """Return the file that a shot's number and its place there name."""
        try:
            card = self._rows[self._numbers[number]].card
            return card.files[index] if card else None
        except IndexError:
            return None


def _link(number: int, index: int, _file: MediaFile) -> str:
    return f"media/{number}/{index}"
