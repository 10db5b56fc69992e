"""Stores the duration model in the journal, so that the next session starts with what this session has learned."""

import asyncio
import json
import logging

from cometrunway._journal._protocol import JournalProtocol
from cometrunway._polling._duration_model import DurationModel
from cometrunway.errors import JournalError

_logger = logging.getLogger(__name__)
_BETWEEN_SAVES = 30.0
"""Seconds between two saves. A process that is killed loses at most what it has learned in this time."""


class DurationHistory:
    """Loads a duration model from a journal, and saves it there.

    The history only reduces the number of polls. An error is therefore logged and never raised.
    """

    def __init__(self, journal: JournalProtocol, model: DurationModel) -> None:
        self._journal = journal
        self._model = model
        self._saved: dict[str, str] = {}

    async def load(self) -> None:
        """Load into the model what earlier sessions have learned."""
        try:
            history = await self._journal.duration_history()
        except JournalError as error:
            _logger.warning("what earlier sessions learnt cannot be read: %s", error)
            return
        for kind, text in history.items():
            try:
                self._model.restore(kind, json.loads(text))
            except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
                _logger.warning("what earlier sessions learnt of %s is ignored: %r", kind, error)

    async def save(self) -> None:
        """Save what was learned since the last save."""
        learnt = {kind: json.dumps(snapshot) for kind, snapshot in self._model.snapshot().items()}
        fresh = {kind: text for kind, text in learnt.items() if self._saved.get(kind) != text}
        if not fresh:
            return
        try:
            await self._journal.save_duration_history(fresh)
        except JournalError as error:
            _logger.warning("what was learnt cannot be saved: %s", error)
        else:
            self._saved |= fresh

    async def save_regularly(self) -> None:
        """Save every half minute, until cancelled."""
        while True:
            await asyncio.sleep(_BETWEEN_SAVES)
            await self.save()
