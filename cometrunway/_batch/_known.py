"""Finds the shots of a batch file that a journal has already: by their keys, or by their content under other keys.

If a file is renamed or a line is inserted, the shots without keys get other keys.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from attrs import define, evolve, field, frozen

from cometrunway._batch._files import BatchFile, BatchFileError
from cometrunway._batch._problems import Problems
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._place import Place, may_be_read
from cometrunway._journal._reader import JournalReader
from cometrunway._media._hosts import is_this_machine
from cometrunway._media._urls import shown
from cometrunway._plurals import be, counted
from cometrunway._requests._shot import Shot
from cometrunway._wire._identity import describe, identity

OtherKeys = Literal["use", "buy"]
"""What to do with shots with keys that the journal has under other keys: use its entries, or pay for them again.

For shots without keys, the journal's entries are always used."""
_NAMED = 3
"""The number of pairs of keys that a message names."""
_CONFLICT = (
    "belongs to another request in the journal ({}); give the shot another key (without one it is named after its "
    "line), or the request as it was; nothing was sent"
)


@frozen(kw_only=True)
class KnownShots:
    """The shots of a file under their keys in the journal, and the journal's entries for them."""

    shots: list[Shot]
    entries: Mapping[str, Entry]
    """By key. Refused entries are left out, because their shots are submitted again."""
    renamed: Mapping[str, str]
    """From the keys of the file to those of the journal, if they differ."""
    new_names: Mapping[str, str]
    """From the keys of the file to new keys, for shots whose key belongs to another shot in the journal."""
    folders: Collection[Path] = ()
    """The output folders of the runs so far."""
    is_new: bool
    """Whether there is no journal, or one without entries."""


def known_shots(file: BatchFile, journal: Place | None, other_keys: OtherKeys | None = None) -> KnownShots:
    """Find the shots of a file in a journal, which may not exist yet.

    A shot without a key is also found by its content. A shot with a key is found by its content too, but the user must
    say whether it is the same shot.

    Args:
        file: the whole file, because any of its shots may be in the journal.
        journal: where it is.
        other_keys: what to do with shots with keys that are in the journal under other keys; None is an error then.

    Raises:
        BatchFileError: a key belongs to another request in the journal, or a shot with a key is in the journal under
            another key and `other_keys` is None.
        JournalError: the journal cannot be read.
        ValueError: a local file has changed.
    """
    if journal is None or not may_be_read(journal):
        return KnownShots(shots=file.shots, entries={}, renamed={}, new_names={}, is_new=True)
    with JournalReader(journal) as reader:
        search = _Search(file=file, reader=reader)
        search.by_key()
        search.by_content(also_named=other_keys != "buy")
        if other_keys is None:
            _check_names(search, journal)
        search.name_the_new()
        folders = tuple(reader.folders)
        is_new = next(reader.marks(), None) is None
    keys = search.renamed | search.new_names
    shots = [evolve(shot, key=keys[shot.key]) if shot.key in keys else shot for shot in file.shots]
    return KnownShots(
        shots=shots,
        entries=search.entries,
        renamed=search.renamed,
        new_names=search.new_names,
        folders=folders,
        is_new=is_new,
    )


def told(known: KnownShots, journal: Place) -> Iterator[str]:
    """Yield what a user should know of keys that are not those of the file."""
    total = counted(len(known.shots), "shot")
    if known.renamed:
        yield (
            f"{len(known.renamed):,} of {total} {be(len(known.renamed))} in {journal} under other keys, as after a "
            f"change of the file or of its name: {_pairs(known.renamed)}; not paid for again"
        )
    if known.new_names:
        get = "gets a longer key" if len(known.new_names) == 1 else "get longer keys"
        yield (
            f"{len(known.new_names):,} of {total} {get}, for {journal} has another shot under the shorter: "
            f"{_pairs(known.new_names)}"
        )


def told_of_emulated(known: KnownShots, journal: Place, *, api_host: str) -> Iterator[str]:
    """Yield how many shots count as done and have files of an emulator, if the API is not on this machine."""
    emulated = sum(entry.is_emulated for entry in known.entries.values())
    if emulated and not is_this_machine(api_host):
        yield (
            f"warning: in {journal}, {counted(emulated, 'shot has', 'shots have')} files of a server on this machine, "
            "such as an emulator, which count as delivered; for files of the API give the run another --journal and "
            "another --output-dir"
        )


@define(kw_only=True)
class _Search:
    """One pass over the shots of a file."""

    file: BatchFile
    reader: JournalReader
    entries: dict[str, Entry] = field(factory=dict)
    renamed: dict[str, str] = field(factory=dict)
    new_names: dict[str, str] = field(factory=dict)
    _described: dict[str, Mapping[str, Any]] = field(factory=dict)
    _digests: dict[str, str] = field(factory=dict)
    _others: dict[str, Entry] = field(factory=dict)
    """By the key of the file: another request that stands under it in the journal."""
    _new: dict[str, Shot] = field(factory=dict)

    def by_key(self) -> None:
        """Find the entry with the shot's key, or with the new key that it got because its key was taken."""
        for shot in self.file.shots:
            description = self._described[shot.key] = describe(shot.request)
            digest = self._digests[shot.key] = identity(description)
            entry = self._standing(shot.key)
            if entry is not None and entry.fingerprint != digest:
                self._others[shot.key] = entry
                entry = self._standing(_second_name(shot.key, digest)) if shot.key in self.file.unnamed else None
            if entry is None or entry.fingerprint != digest:
                self._new[shot.key] = shot
            else:
                self._take(shot, entry)

    def by_content(self, *, also_named: bool) -> None:
        """Find an entry with another key: for a shot without a key, any; for one with a key, none that the file has."""
        named = [shot for key, shot in self._new.items() if key not in self.file.unnamed] if also_named else []
        wanted = [*(shot for key, shot in self._new.items() if key in self.file.unnamed), *named]
        found: dict[str, list[str]] = {self._digests[shot.key]: [] for shot in wanted}
        for key, digest in self.reader.fingerprints() if wanted else ():
            if digest in found and len(found[digest]) < len(self.file.shots) and key not in self.entries:
                found[digest].append(key)
        for shot in wanted:
            keys = found[self._digests[shot.key]]
            key = next((key for key in keys if shot.key in self.file.unnamed or key not in self.file.lines), "")
            entry = self._standing(key) if key else None
            if entry is not None:
                self._take(shot, entry)
                keys.remove(key)
                del self._new[shot.key]

    def name_the_new(self) -> None:
        """Give a new key to a new shot whose key another shot has in the journal, or refuse the shot.

        It is refused if that other shot is no longer in the file, because the user may have changed it.
        """
        conflicts = Problems(self.file.name)
        for shot in self._new.values():
            other = self._others.get(shot.key)
            if other is None:
                continue
            if shot.key in self.file.unnamed and other.key in self.entries:
                self.new_names[shot.key] = _second_name(shot.key, self._digests[shot.key])
            else:
                differing, difference = _difference(other.request, self._described[shot.key])
                reason = f"{shot.key}: {_CONFLICT.format(difference)}"
                conflicts.add(self.file.lines[shot.key], reason, cause=differing)
        if conflicts:
            raise BatchFileError(str(conflicts))

    def _take(self, shot: Shot, entry: Entry) -> None:
        self.entries[entry.key] = entry
        if entry.key != shot.key:
            self.renamed[shot.key] = entry.key

    def _standing(self, key: str) -> Entry | None:
        entry = self.reader.find(key)
        return None if entry is None or entry.state is State.REFUSED else entry


def _second_name(key: str, digest: str) -> str:
    """Return the new key of a shot without a key whose first key is taken. It is the same in every run."""
    return f"{key}-{digest[:8]}"


def _check_names(search: _Search, journal: Place) -> None:
    renamed = {key: there for key, there in search.renamed.items() if key not in search.file.unnamed}
    if renamed:
        first = search.file.lines[next(iter(renamed))]
        raise BatchFileError(
            f"{search.file.name}:{first}: {len(renamed):,} of {counted(len(search.file.shots), 'shot')} "
            f"{be(len(renamed))} in {journal} under "
            f"other keys: {_pairs(renamed)}; add --other-keys use to take them for the same shots, or --other-keys buy "
            "to pay for them again; nothing was sent"
        )


def _pairs(keys: Mapping[str, str]) -> str:
    more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
    return ", ".join(f"{key} as {there}" for key, there in islice(keys.items(), _NAMED)) + more


def _difference(there: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str]:
    """Return the names of the fields that differ, and how they do."""
    names = [name for name in {**there, **now} if there.get(name) != now.get(name)]
    difference = "; ".join(f"{name}: {shown(there.get(name))} there, {shown(now.get(name))} here" for name in names)
    return ", ".join(names), difference or "written by another version"
