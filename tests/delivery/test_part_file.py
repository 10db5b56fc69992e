"""An incomplete file: nobody else writes it, and it gets its name only when it is whole on disk."""

import asyncio
import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import md5, sha256
from itertools import islice
from pathlib import Path

import pytest
from attrs import evolve

from cometrunway import Asset
from cometrunway._delivery._open_folder import OpenFolder
from cometrunway._delivery._part_file import Origin, PartFile, alternatives, give_name, is_intact, open_part
from cometrunway.emulator import Fault
from tests.delivery.conftest import Store


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def part(tmp_path: Path) -> Iterator[PartFile]:
    """A part file for `clip` in the folder `out`."""
    opened = open_part(tmp_path / "out", "clip")
    yield opened
    opened.discard()


def test_an_opening_that_fails_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one on a network drive that is gone: no descriptor, and no lock, so that a later one can succeed."""

    def gone(*_: object) -> bool:
        raise OSError(errno.ESTALE, "Stale file handle")

    before = len(list(Path("/dev/fd").iterdir()))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="Stale"):
        patch.setattr(OpenFolder, "is_at", gone)
        open_part(tmp_path, "clip")
    assert len(list(Path("/dev/fd").iterdir())) == before
    part = open_part(tmp_path, "clip")
    assert part.name == "clip.part"
    part.discard()


def test_its_digests_are_those_of_the_bytes_on_disk(part: PartFile) -> None:
    """Also of another digest that the host states; after a new beginning nothing of before counts."""
    for content in (b"first version, which is longer", b"second"):
        part.restart()
        part.begin(Origin(validator='"v1"', stated=frozenset({("md5", b"")})))
        part.write([content[:3], content[3:]])
        assert (part.size, part.sha256) == (len(content), sha256(content).hexdigest())
        assert part.digests["md5"].hexdigest() == md5(content, usedforsecurity=False).hexdigest()
        part.file.seek(0)
        assert part.file.read() == content


def test_a_rest_is_asked_for_only_of_the_same_version(part: PartFile) -> None:
    """Without a validator, or without any bytes, the whole file is asked for."""
    part.begin(Origin(validator=None))
    part.write([b"12345"])
    assert part.range() == {}
    part.restart()
    part.begin(Origin(validator='"v1"'))
    assert part.range() == {}
    part.write([b"12345"])
    assert part.range() == {"Range": "bytes=5-", "If-Range": '"v1"'}


def test_a_file_has_its_name_only_once_it_is_given(tmp_path: Path, part: PartFile) -> None:
    """What is discarded before leaves nothing, and what is discarded after leaves the file."""
    part.write([b"whole"])
    assert names(tmp_path / "out") == ["clip.part"]
    given_up = open_part(tmp_path / "out", "other")
    given_up.write([b"cut"])
    given_up.discard()
    assert give_name(part, "clip.mp4") == "clip.mp4"
    assert names(tmp_path / "out") == ["clip.mp4"]
    assert part.file.closed
    part.discard()
    assert names(tmp_path / "out") == ["clip.mp4"]
    assert (tmp_path / "out" / "clip.mp4").read_bytes() == b"whole"


def test_a_part_that_another_program_replaced_is_not_named(tmp_path: Path, part: PartFile) -> None:
    """What it has put there is not taken for what was verified."""
    part.write([b"verified"])
    (tmp_path / "out" / "clip.part").unlink()
    (tmp_path / "out" / "clip.part").write_bytes(b"another")
    with pytest.raises(OSError, match=r"another program has replaced clip\.part"):
        give_name(part, "clip.mp4")
    assert "clip.mp4" not in names(tmp_path / "out")


def test_a_name_that_is_taken_has_a_number() -> None:
    """From 2 on, before the suffix."""
    assert list(islice(alternatives("a.b.mp4"), 3)) == ["a.b.mp4", "a.b-2.mp4", "a.b-3.mp4"]


def test_a_file_is_intact_if_each_byte_is_as_recorded(tmp_path: Path) -> None:
    """Also one of the same length is changed. What is not recorded, is gone or is no file is not intact."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"content")
    asset = Asset(url="u", path=path, size=7, sha256=sha256(b"content").hexdigest())
    assert is_intact(asset)
    for wrong in (
        evolve(asset, size=8),
        evolve(asset, sha256=None),
        evolve(asset, path=None),
        evolve(asset, path=tmp_path),
    ):
        assert not is_intact(wrong)
    path.write_bytes(b"CONTENT")
    assert not is_intact(asset)
    path.unlink()
    os.mkfifo(path)
    assert not is_intact(asset)


async def test_another_tasks_file_is_never_overwritten(store: Store) -> None:
    """A name that is taken by other bytes is left alone, and the new file takes the next number."""
    store.folder.mkdir()
    (store.folder / "clip.mp4").write_text("precious")
    path = await store.download()
    assert path.name == "clip-2.mp4"
    assert (store.folder / "clip.mp4").read_text() == "precious"


async def test_the_same_file_is_not_stored_twice(store: Store) -> None:
    """A download whose bytes are on disk under its name already takes no second name."""
    assert await store.download() == await store.download()


async def test_two_downloads_of_one_name_do_not_meet(store: Store) -> None:
    """Two at once under one name write two parts, and end as one whole file."""
    store.emulator.script("asset", Fault.slow(5), Fault.slow(5))
    first, second = await asyncio.gather(store.download(), store.download())
    assert first == second
    assert list(store.folder.iterdir()) == [first]


async def test_a_slow_disk_does_not_stop_the_event_loop(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of the file system for a download runs in another thread."""
    threads: dict[str, set[int]] = {}

    def recorded(name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            threads.setdefault(name, set()).add(threading.get_ident())
            return method(*arguments, **options)

        return call

    for name in ("open", "status", "link", "unlink", "sync", "close"):
        monkeypatch.setattr(OpenFolder, name, recorded(name, getattr(OpenFolder, name)))
    await store.download()
    assert set(threads) == {"open", "status", "link", "unlink", "sync", "close"}
    assert threading.get_ident() not in set().union(*threads.values())


async def test_no_thread_interns_the_name_of_a_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some ten thousand names, each thread would keep the memory of a table of all interned strings."""
    interned: list[str] = []
    intern, event_loop = sys.intern, threading.get_ident()

    def recorded(text: str) -> str:
        if threading.get_ident() != event_loop:
            interned.append(text)
        return intern(text)

    monkeypatch.setattr(sys, "intern", recorded)
    path = await store.download()
    assert [text for text in interned if text.startswith(path.stem)] == []


async def test_the_part_of_a_dead_process_is_taken_over(store: Store) -> None:
    """A part file without an owner is started again, and is removed at the end."""
    store.folder.mkdir()
    (store.folder / "clip.part").write_bytes(b"left over" * 100_000)
    path = await store.download()
    assert list(store.folder.iterdir()) == [path]


async def test_a_death_between_naming_and_clearing_up_leaves_nothing(store: Store) -> None:
    """Where a part is another name of the finished file, it goes, and the file is neither harmed nor doubled."""
    path = await store.download()
    whole = path.read_bytes()
    (store.folder / "clip.part").hardlink_to(path)
    assert await store.download() == path
    assert path.read_bytes() == whole
    assert list(store.folder.iterdir()) == [path]


async def test_a_part_that_is_a_link_is_not_followed(store: Store, tmp_path: Path) -> None:
    """A symbolic link in the place of the part cannot make us write elsewhere."""
    store.folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (store.folder / "clip.part").symlink_to(victim)
    assert (await store.download()).exists()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("place", ["directory", "hard link", "fifo"])
async def test_a_part_whose_place_is_taken_goes_elsewhere(store: Store, tmp_path: Path, place: str) -> None:
    """Whatever stands where the part would be is left as it is, and the paid file still comes."""
    store.folder.mkdir()
    victim, part = tmp_path / "victim", store.folder / "clip.part"
    victim.write_text("precious")
    if place == "directory":
        part.mkdir()
    elif place == "fifo":
        os.mkfifo(part)
    else:
        part.hardlink_to(victim)
    assert (await store.download()).exists()
    assert victim.read_text() == "precious"
    assert part.exists()


async def test_a_file_system_without_links_works(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hard links are not to be had, the file is renamed, and still overwrites nothing."""

    def no_link(*_: object, **_descriptors: object) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr(os, "link", no_link)
    store.folder.mkdir()
    (store.folder / "clip.mp4").write_text("precious")
    path = await store.download()
    assert path.name == "clip-2.mp4"
    assert sorted(store.folder.iterdir()) == [path, store.folder / "clip.mp4"]
