"""The protocol of the sources of a gallery's shots."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from attrs import frozen

from cometrunway._gallery._cards import Card

Id = int | str
"""The id of a shot in its source. It never changes."""


@frozen(kw_only=True)
class Snapshot:
    """All shots of a source at one moment."""

    cards: Iterable[Card]
    """One by one, as long as the source is being read."""
    is_written: bool = False
    """Whether a process is writing to the source now."""
    problem: str | None = None
    """A text for the page about what could not be read."""


@frozen
class Seen:
    """A shot that exists."""

    id: Id
    mark: int
    """A mark of its present content. It differs after each change of the shot."""
    card: Card | None
    """None if the mark is known."""


IsKnown = Callable[[Id, int], bool]
"""Returns whether a shot is known with this mark."""


@frozen(kw_only=True)
class Scan:
    """All shots of a source at one moment. Shots with a known mark are not read."""

    shots: Iterable[Seen]
    """One by one, as long as the source is being read."""
    is_written: bool = False
    problem: str | None = None


class Source(Protocol):
    """A source of shots.

    Its methods raise `JournalError` if a journal cannot be read, and `GalleryError` if something is damaged or missing.
    """

    @property
    def title(self) -> str:
        """The title of the page."""

    def reading(self) -> AbstractContextManager[Snapshot]:
        """Read all shots."""

    def scanning(self, is_known: IsKnown, after: Id | None = None) -> AbstractContextManager[Scan]:
        """Read the new and changed shots, of all shots or of those after the shot `after`.

        A caller that passes `after` has started with a scan of all shots.
        """

    def cards(self, ids: Sequence[Id]) -> Iterable[Card | None]:
        """Yield the shots with these ids, in this order; None for a shot that does not exist."""

    def is_written(self) -> bool:
        """Whether a process is at it now."""

    def signature(self) -> object:
        """Return a value that differs after each change of the source. It is fast enough for two calls per second."""
