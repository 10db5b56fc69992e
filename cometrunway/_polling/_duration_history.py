"""What a session learns of how long tasks take, kept in its journal: the next one begins with it."""

import asyncio
import json
import logging

from cometrunway._journal._sqlite import Journal
from cometrunway._polling._duration_model import Pace
from cometrunway.errors import JournalError

_logger = logging.getLogger(__name__)
_BETWEEN_SAVES = 30.0
"""Seconds; at most what was learnt in them is lost with the process."""


class Memory:
    """The way of a pace into the journal and back. It only spares polls, so its failures are logged, never raised."""

    def __init__(self, journal: Journal, pace: Pace) -> None:
        self._journal = journal
        self._pace = pace
        self._kept: dict[str, str] = {}

    async def recall(self) -> None:
        """Let the pace begin with what is in the journal."""
        try:
            learnt = await self._journal.pace()
        except JournalError as error:
            _logger.warning("what earlier sessions learnt cannot be read: %s", error)
            return
        for kind, text in learnt.items():
            try:
                self._pace.restore(kind, json.loads(text))
            except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
                _logger.warning("what earlier sessions learnt of %s is ignored: %r", kind, error)

    async def keep(self) -> None:
        """Put into the journal what was learnt since the last time."""
        learnt = {kind: json.dumps(snapshot) for kind, snapshot in self._pace.snapshot().items()}
        fresh = {kind: text for kind, text in learnt.items() if self._kept.get(kind) != text}
        if not fresh:
            return
        try:
            await self._journal.keep_pace(fresh)
        except JournalError as error:
            _logger.warning("what was learnt cannot be kept: %s", error)
        else:
            self._kept |= fresh

    async def keep_on(self) -> None:
        """Do so from time to time."""
        while True:
            await asyncio.sleep(_BETWEEN_SAVES)
            await self.keep()
