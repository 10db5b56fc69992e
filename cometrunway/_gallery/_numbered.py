"""The shots of a live page with permanent numbers. Only the data for detecting changes are kept."""

from array import array
from collections.abc import Iterator

from attrs import define, field, frozen

from cometrunway._gallery._cards import Kind
from cometrunway._gallery._data_scripts import PAGE, Tally
from cometrunway._gallery._source import Id

_NO_MARK = 0
_GONE: Kind = ("", None, None)


@frozen
class Change:
    """The kept data of a new or changed shot. Without a kind, the shot no longer exists."""

    id: Id
    mark: int = _NO_MARK
    kind: Kind = _GONE
    known: frozenset[str] = frozenset()


@define
class NumberedShots:
    """The shots in the order in which they were found, each with the version at which it last changed.

    Each shot needs about 150 bytes, independent of the length of its texts.
    """

    tally: Tally = field(factory=Tally)
    ids: list[Id] = field(factory=list)
    _numbers: dict[Id, int] = field(factory=dict)
    _marks: "array[int]" = field(factory=lambda: array("q"))
    _versions: "array[int]" = field(factory=lambda: array("q"))
    _versions_of_pages: "array[int]" = field(factory=lambda: array("q"))
    _rounds: "array[int]" = field(factory=lambda: array("q"))
    """The last pass through the source in which each shot was seen."""
    _round: int = 0
    _kinds: "array[int]" = field(factory=lambda: array("L"))
    _number_of_kind: dict[Kind, int] = field(factory=dict)
    _kind_of_number: list[Kind] = field(factory=list)

    def is_known(self, id_: Id, mark: int) -> bool:
        """Whether a shot has this mark. The shot counts as seen in this pass."""
        number = self._numbers.get(id_)
        if number is None:
            return False
        self._rounds[number] = self._round
        return self._marks[number] == mark

    def begin(self) -> None:
        """Begin a pass through the source."""
        self._round += 1

    def missing(self) -> list[Id]:
        """Return the shots that were not seen in this pass."""
        seen = zip(self.ids, self._marks, self._rounds, strict=True)
        return [id_ for id_, mark, last in seen if mark != _NO_MARK and last != self._round]

    def set(self, change: Change, version: int) -> None:
        """Record a change."""
        number = self._numbers.get(change.id)
        if number is None:
            number = self._add(change.id)
        else:
            self._count(self._kind_of_number[self._kinds[number]], by=-1)
        self._count(change.kind, change.known)
        self._kinds[number] = self._number_of_kind[change.kind]
        self._marks[number] = change.mark
        self._versions[number] = self._versions_of_pages[number // PAGE] = version

    def _add(self, id_: Id) -> int:
        number = len(self.ids)
        self._numbers[id_] = number
        self.ids.append(id_)
        for column in (self._marks, self._versions, self._kinds):
            column.append(0)
        self._rounds.append(self._round)
        if number % PAGE == 0:
            self._versions_of_pages.append(0)
        return number

    def _count(self, kind: Kind, known: frozenset[str] = frozenset(), *, by: int = 1) -> None:
        if kind not in self._number_of_kind:
            self._number_of_kind[kind] = len(self._kind_of_number)
            self._kind_of_number.append(kind)
        if kind != _GONE:
            self.tally.count(kind, known, by=by)

    def pages_since(self, version: int) -> list[int]:
        """Return the pages with a shot that has changed after a version."""
        return [page for page, changed in enumerate(self._versions_of_pages) if changed > version]

    def since(self, version: int) -> Iterator[int]:
        """Yield the shots that have changed after a version."""
        for page in self.pages_since(version):
            for number in range(page * PAGE, min((page + 1) * PAGE, len(self.ids))):
                if self._versions[number] > version:
                    yield number
