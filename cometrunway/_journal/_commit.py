"""The operations of one commit: reads in their order, and changes of one kind together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from cometrunway._journal._writer import Commit, Operation
from cometrunway.errors import JournalError, JournalUnavailableError

_AT_ONCE = 64
"""The largest number of rows in one statement, because SQLite may allow at most 999 values."""


Values = Mapping[str, object]
"""The values of one row, by the names of a statement's parameters."""
Write = Callable[[Any, Sequence[Values]], Sequence[Any]]
"""Writes rows of different keys; returns one result for each."""


@frozen(eq=False, repr=False)
class Change:
    """A change of the row of one key."""

    key: str
    write: Write
    values: Values

    def __call__(self, connection: Any) -> Any:
        """Make this change alone."""
        [result] = self.write(connection, [self.values])
        return result


def each_alone(commit: Commit, operations: list[Operation]) -> list[Any]:
    """Commit operations together; if one of them meets a damaged row, its error is its result, and no other's."""
    try:
        return commit(operations)
    except JournalUnavailableError:
        raise
    except JournalError:
        if len(operations) == 1:
            raise
    return [_alone(commit, operation) for operation in operations]


def _alone(commit: Commit, operation: Operation) -> Any:
    try:
        return commit([operation])[0]
    except JournalUnavailableError:
        raise
    except JournalError as error:
        return error


def run(connection: Any, operations: Sequence[Operation]) -> list[Any]:
    """Run operations, and return their results. The effect is the same as running them one after the other."""
    results: list[Any] = []
    changes: list[Change] = []
    for operation in operations:
        if isinstance(operation, Change):
            changes.append(operation)
            continue
        results += _changed(connection, changes)
        changes = []
        results.append(operation(connection))
    return results + _changed(connection, changes)


def _changed(connection: Any, changes: Sequence[Change]) -> list[Any]:
    if len({change.key for change in changes}) < len(changes):  # two changes of one row must keep their order
        return [change(connection) for change in changes]
    by_kind: dict[Write, list[int]] = {}
    for number, change in enumerate(changes):
        by_kind.setdefault(change.write, []).append(number)
    results: dict[int, Any] = {}
    for write, numbers in by_kind.items():
        for together in _parts(numbers):
            outcomes = write(connection, [changes[number].values for number in together])
            results.update(zip(together, outcomes, strict=True))
    return [results[number] for number in range(len(changes))]


def _parts(numbers: list[int]) -> Iterator[list[int]]:
    """Split them by powers of two, so that there are few different statements, which SQLite has prepared."""
    first = 0
    while first < len(numbers):
        many = min(_AT_ONCE, 1 << (len(numbers) - first).bit_length() - 1)
        yield numbers[first : first + many]
        first += many
