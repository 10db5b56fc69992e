"""What a gallery's shots come from."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from attrs import frozen

from cometrunway._gallery._cards import Card

Id = int | str
"""What a source calls a shot: always the same one."""


@frozen(kw_only=True)
class Snapshot:
    """All shots of a source at one moment."""

    cards: Iterable[Card]
    """One by one, as long as the source is being read."""
    is_written: bool = False
    """Whether a process is at it now."""
    problem: str | None = None
    """What could not be read, in words for the page."""


@frozen
class Seen:
    """A shot that is there."""

    id: Id
    mark: int
    """Another one once the shot has changed."""
    card: Card | None
    """None if the mark is known."""


IsKnown = Callable[[Id, int], bool]
"""Whether a shot is known to have this mark."""


@frozen(kw_only=True)
class Scan:
    """All shots of a source at one moment, of which those with a known mark are not read."""

    shots: Iterable[Seen]
    """One by one, as long as the source is being read."""
    is_written: bool = False
    problem: str | None = None


class Source(Protocol):
    """Where the shots come from.

    What reads it raises `JournalError` where a journal cannot be read, `GalleryError` where something is damaged or
    not there.
    """

    @property
    def title(self) -> str:
        """What stands at the head of the page."""

    def reading(self) -> AbstractContextManager[Snapshot]:
        """Read all shots."""

    def scanning(self, is_known: IsKnown, after: Id | None = None) -> AbstractContextManager[Scan]:
        """Read the shots that are new, or have changed: of those behind one of them, or of all.

        A caller that passes `after` has begun with a scan of all.
        """

    def cards(self, ids: Sequence[Id]) -> Iterable[Card | None]:
        """Yield the shots that are called so, in this order; None for one that is not there."""

    def is_written(self) -> bool:
        """Whether a process is at it now."""

    def signature(self) -> object:
        """Return a value that differs once the source has changed; cheap enough to ask twice a second."""


def stamp(path: Path) -> tuple[int, int] | None:
    """Return a file's time and size; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
