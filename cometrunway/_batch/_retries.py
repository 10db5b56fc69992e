"""The shots that are submitted, and paid for, once more after a failure: from a batch file, or from a journal."""

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import islice

from attrs import frozen

from cometrunway._journal._entry import UNSUCCESSFUL, Entry, State
from cometrunway._journal._place import Place
from cometrunway._journal._reader import JournalReader
from cometrunway._plurals import be, counted
from cometrunway._requests._shot import Shot
from cometrunway._wire._identity import is_complete
from cometrunway._wire._mapping import request_again

_NAMED = 5
"""The number of keys that a message names."""


@frozen(kw_only=True)
class Retries:
    """The shots of a batch that have failed or were cancelled."""

    again: Sequence[Entry]
    """Those that are submitted once more."""
    left: Sequence[Entry]
    """Those for which a retry is not likely to help."""

    @classmethod
    def of(cls, entries: Iterable[Entry], *, is_all: bool) -> "Retries":
        """Return the shots to submit once more: failures for which a retry may help, or all failed and cancelled ones.

        A retry of a cancelled shot is not assumed to help, because it was cancelled on purpose.
        """
        unsuccessful = [entry for entry in entries if entry.is_unsuccessful]
        again = [entry for entry in unsuccessful if is_all or _may_succeed(entry)]
        keys = {entry.key for entry in again}
        return cls(again=again, left=[entry for entry in unsuccessful if entry.key not in keys])

    @property
    def keys(self) -> Set[str]:
        """The keys of the shots that are submitted once more."""
        return frozenset(entry.key for entry in self.again)

    def told(self, option_for_all: str) -> Iterator[str]:
        """Yield what a user should know before anything is sent."""
        shots = counted(len(self.again) + len(self.left), "failed or cancelled shot")
        if self.again:
            yield (
                f"{len(self.again):,} of {shots} {be(len(self.again))} submitted once more, and paid for "
                f"again: {_named(self.again)}"
            )
        if self.left:
            yield (
                f"{len(self.left):,} of {shots} {be(len(self.left))} not submitted, for nothing says that a retry "
                f"helps: {_named(self.left)}; {option_for_all} submits all"
            )


@frozen(kw_only=True)
class JournalRetries:
    """The shots that can be submitted once more from a journal alone."""

    unsuccessful: Retries
    refused: Sequence[Entry]
    """Shots that were not paid for."""
    incomplete: Sequence[Entry]
    """Shots whose request is not completely in the journal."""
    delivered: Sequence[str]
    """The keys that the user named and that are delivered already."""
    journal: Place

    @property
    def shots(self) -> list[Shot]:
        """The shots that are submitted."""
        entries = sorted((*self.unsuccessful.again, *self.refused), key=lambda entry: entry.number)
        return [Shot(entry.key, request_again(entry.request)) for entry in entries]

    def told(self) -> Iterator[str]:
        """Yield what a user should know before anything is sent."""
        yield from self.unsuccessful.told("--all")
        if self.refused:
            shots = counted(len(self.refused), "refused shot is", "refused shots are")
            yield f"{shots} submitted, and paid for if accepted: {_named(self.refused)}"
        if self.incomplete:
            yield needs_the_file(self.incomplete, self.journal)
        if not self.shots:
            delivered = f"delivered already: {', '.join(self.delivered)}" if self.delivered else ""
            yield f"nothing was sent: {delivered or 'there is nothing to submit once more'}"


def _may_succeed(entry: Entry) -> bool:
    return entry.state is State.FAILED and entry.failure is not None and entry.failure.retryable


def journal_retries(journal: Place, keys: Sequence[str], *, is_all: bool) -> JournalRetries:
    """Return the shots of a journal that failed, were cancelled or were refused, or those with these keys.

    Shots that were delivered meanwhile are not submitted.

    Raises:
        JournalError: there is no such journal, or it cannot be read.
        ValueError: a key is not in the journal, or is in doubt or owed, or its request is not all in the journal.
    """
    with JournalReader(journal) as reader:
        if keys:
            entries = [_named_one(reader, key) for key in dict.fromkeys(keys)]
        else:
            entries = list(reader.entries([*UNSUCCESSFUL, State.REFUSED]))
    delivered = [entry.key for entry in entries if entry.state is State.DELIVERED]
    entries = [entry for entry in entries if entry.state is not State.DELIVERED]
    incomplete = [entry for entry in entries if not is_complete(dict(entry.request))]
    if keys and incomplete:
        raise ValueError(needs_the_file(incomplete, journal))
    complete = [entry for entry in entries if is_complete(dict(entry.request))]
    return JournalRetries(
        unsuccessful=Retries.of(complete, is_all=is_all or bool(keys)),
        refused=[entry for entry in complete if entry.state is State.REFUSED],
        incomplete=incomplete,
        delivered=delivered,
        journal=journal,
    )


def _named_one(reader: JournalReader, key: str) -> Entry:
    """Return the shot that a user names."""
    entry = reader.find(key)
    if entry is None:
        raise ValueError(f"the journal {reader.place} has no submission with the key {key!r}")
    if entry.is_in_doubt:
        raise ValueError(f"{key!r} is in doubt: first run `cometrunway resolve {reader.place} {key}`")
    if entry.is_owed:
        raise ValueError(f"{key!r} has not failed, it is owed: `cometrunway resume {reader.place}` finishes it")
    return entry


def needs_the_file(entries: Sequence[Entry], journal: Place) -> str:
    """Return the message that the journal alone is not enough for these shots, with the command that is."""
    shots = counted(len(entries), "shot needs its", "shots need their")
    return (
        f"{shots} batch file, for the journal has only the digest of a local file, a data URI or a signed URL: "
        f"{_named(entries)}; to submit:  "
        f"cometrunway run SHOTS --journal {journal} --retry-failed"
    )


def _named(entries: Sequence[Entry]) -> str:
    more = f" and {len(entries) - _NAMED:,} more" if len(entries) > _NAMED else ""
    return ", ".join(entry.key for entry in islice(entries, _NAMED)) + more
