"""Chooses the reader of a journal by its place. `_stores.py` chooses the writer."""

from contextlib import AbstractContextManager

from cometrunway._journal._lock import holder
from cometrunway._journal._place import Place, PostgresUrl
from cometrunway._journal._postgres._extra import module
from cometrunway._journal._records import snapshot
from cometrunway._journal._store import Holder, Snapshot
from cometrunway._paths import stamp


def snapshot_at(place: Place) -> AbstractContextManager[Snapshot]:
    """Open a journal to read it; `JournalError` if there is none."""
    if isinstance(place, PostgresUrl):
        opened: AbstractContextManager[Snapshot] = module("_server", place).snapshot(place)
        return opened
    return snapshot(place)


def signature_at(place: Place) -> object:
    """Return what is another one after the journal has changed, and costs little to find out."""
    if isinstance(place, PostgresUrl):
        return module("_server", place).signature(place)
    return tuple(stamp(place.with_name(f"{place.name}{suffix}")) for suffix in ("", "-wal", ".lock"))


def holders_at(place: Place) -> tuple[Holder, ...]:
    """Return the processes that are writing a journal now."""
    if isinstance(place, PostgresUrl):
        living: tuple[Holder, ...] = module("_server", place).holders(place)
        return living
    pid = holder(place)
    return () if pid is None else (Holder(pid=pid),)
