"""The disk of a simulated machine: slow, full, locked by others; and a process that dies at one of its writes."""

import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from attrs import define, field, frozen

from cometrunway._delivery._part_file import PartFile
from tests.simulation.chance import Chance, Trace
from tests.simulation.loop import SimulatedLoop


@frozen(kw_only=True)
class DiskRates:
    """How often blocking work meets what."""

    slow: float = 0.0
    """Work takes seconds."""
    locked: float = 0.0
    """Another program has locked the journal."""
    failed: float = 0.0
    """A commit fails, as on a disk that is full for a moment."""


@define(eq=False)
class SimulatedDisk:
    """What the blocking work of a run meets.

    Args:
        loop: whose time it is.
        chance: what goes wrong.
        trace: where what happens is noted.
        folder: all files of the machine.
        rates: how often things go wrong.
        on_death: called, once, as the process dies.
    """

    loop: SimulatedLoop
    chance: Chance
    trace: Trace
    folder: Path
    rates: DiskRates
    on_death: Callable[[], None]
    is_full: bool = field(init=False, default=False)
    writes: int = field(init=False, default=0)
    dies_at: int | None = field(init=False, default=None)
    """The number of the write at which the process dies."""
    is_dead: bool = field(init=False, default=False)
    snapshot: "Snapshot | None" = field(init=False, default=None)
    wall_offset: float = field(init=False, default=1_790_000_000.0)

    def seconds(self) -> tuple[float, float]:
        """Return how long the next work waits for its thread, and how long it takes."""
        rng = self.chance.of("disk")
        waits, takes = rng.choice((0.0, 0.0, 0.0004)), rng.choice((0.0, 0.0002, 0.002))
        if self.chance.strikes("slow disk", self.rates.slow):
            takes = self.chance.of("slow disk seconds").choice((0.3, 3.0, 40.0))
        return waits, takes

    def run(self, work: Callable[[], Any]) -> Any:
        """Do blocking work; the process may die before or after it."""
        self.trace.note(self.loop.now, "work")
        self.write()
        try:
            return work()
        finally:
            self.write()

    def write(self) -> None:
        """Count a moment at which a process may die; what is on disk then is all that the next one finds."""
        self.writes += 1
        if self.writes == self.dies_at and not self.is_dead:
            self.die(torn=False)

    def die(self, *, torn: bool) -> None:
        """Let the process die: what it does from now on is not on any disk."""
        self.is_dead = True
        self.snapshot = Snapshot.of(self.folder)
        if torn:
            self.snapshot.tear(self.chance.of("torn"))
        self.trace.note(self.loop.now, "died", self.writes)
        self.on_death()

    def log_size(self) -> int:
        """Return the bytes of the write-ahead logs; a commit that changed nothing adds none."""
        return sum(path.stat().st_size for path in self.folder.glob("**/*-wal"))

    def wall(self) -> float:
        """Return the time of the machine's clock."""
        return self.wall_offset + self.loop.now

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Let the package meet this disk and this clock."""
        connect, usage, write = sqlite3.connect, shutil.disk_usage, PartFile.write

        def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
            database: _Connection = connect(*arguments, factory=_Connection, **options)
            database.disk = self
            return database

        def used(path: Any) -> Any:
            found = usage(path)
            return found._replace(free=0 if self.is_full else 10**12)

        def written(part: PartFile, chunks: Any) -> None:
            if self.is_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(part, chunks)

        with (
            patch.object(sqlite3, "connect", connected),
            patch.object(shutil, "disk_usage", used),
            patch.object(PartFile, "write", written),
            patch.object(time, "time", self.wall),
            patch("aiohttp.connector.monotonic", self.loop.time),
        ):
            yield


class _Connection(sqlite3.Connection):
    """A connection whose commits meet the simulated disk."""

    disk: SimulatedDisk

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        disk = self.disk
        if statement == "BEGIN IMMEDIATE" and disk.chance.strikes("locked journal", disk.rates.locked):
            raise _error("database is locked", "SQLITE_BUSY")
        if statement != "COMMIT":
            return super().execute(statement, *parameters)
        if disk.is_full or disk.chance.strikes("failed commit", disk.rates.failed):
            raise _error("database or disk is full", "SQLITE_FULL")
        disk.write()
        before = disk.log_size()
        done = super().execute(statement, *parameters)
        disk.trace.note(disk.loop.now, "commit")
        if disk.writes + 1 == disk.dies_at and not disk.is_dead and disk.chance.of("torn").random() < 0.5:
            disk.die(torn=disk.log_size() > before)
        disk.write()
        return done


def _error(text: str, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name
    return error


@define(eq=False)
class Snapshot:
    """The files of a folder at one moment; files that are one file by several names stay so."""

    files: dict[Path, tuple[tuple[int, int], bytes]]

    @classmethod
    def of(cls, folder: Path) -> "Snapshot":
        files = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                status = path.stat()
                files[path] = (status.st_dev, status.st_ino), path.read_bytes()
        return cls(files)

    def tear(self, rng: Any) -> None:
        """Leave out the end of the latest write to a write-ahead log, as where a write was cut short."""
        for path, (identity, content) in self.files.items():
            if path.name.endswith("-wal") and len(content) > 4152:
                self.files[path] = identity, content[: len(content) - rng.randrange(1, 4120)]

    def restore(self, folder: Path) -> None:
        """Put the files there, and nothing else."""
        shutil.rmtree(folder)
        folder.mkdir()
        first: dict[tuple[int, int], Path] = {}
        for path, (identity, content) in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if identity in first:
                os.link(first[identity], path)
            else:
                path.write_bytes(content)
                first[identity] = path
