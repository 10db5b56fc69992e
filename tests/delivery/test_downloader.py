"""Downloads: a file under its final name is complete, and is the right file."""

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from cometrunway import Asset, DownloadError, RetryPolicy, Session, errors
from cometrunway._delivery import _downloader
from cometrunway._delivery._downloader import Downloader
from cometrunway.emulator import Emulator, Fault
from tests.hosts import asset_hosts
from tests.samples import yawn

SAMPLES = Path(__file__).parent.parent / "media" / "samples"
UNKNOWN = b"glTF\x02\0\0\0" + bytes(range(256)) * 8
"""What is of no kind that is known here, and no text."""


class Store:
    """A downloader, and an emulator that has one file to offer."""

    def __init__(self, emulator: Emulator, downloader: Downloader, url: str, folder: Path) -> None:
        self.emulator = emulator
        self.downloader = downloader
        self.url = url
        self.folder = folder

    async def download(self, stem: str = "clip") -> Path:
        path = (await self.download_asset(stem)).path
        assert path is not None
        return path

    async def download_asset(self, stem: str = "clip") -> Asset:
        return await self.downloader.download(self.url, folder=self.folder, stem=stem)

    async def refuses(self, content: bytes) -> bool:
        """Whether a file is refused that its host states to be whole."""
        self.emulator.script("asset", *[Fault.answer(200, content)] * 50)
        with pytest.raises(DownloadError):
            await self.download()
        return list(self.folder.iterdir()) == []


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """One finished task's file, and a folder for it."""
    async with Emulator(duration=0, not_exist_seconds=0) as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None) as runway:
            [asset] = await (await runway.submit(yawn()))
        async with asset_hosts() as hosts:
            downloader = Downloader(open_asset=hosts.open, retry=RetryPolicy(), rng=Random(7))
            yield Store(emulator, downloader, asset.url, tmp_path / "out")
        assert not emulator.leaked_credentials


async def test_nothing_is_left_but_the_file(store: Store) -> None:
    """After a download the folder holds the file and no part of it."""
    path = await store.download()
    assert [path] == list(store.folder.iterdir())


@pytest.mark.parametrize("fault", [Fault.cut(0.0), Fault.cut(0.3), Fault.cut(0.95)], ids=["0", "0.3", "0.95"])
async def test_a_dropped_download_ends_whole(store: Store, fault: Fault) -> None:
    """Wherever the connection drops, twice, the file is whole in the end."""
    whole = (await store.download("whole")).read_bytes()
    store.emulator.script("asset", fault, fault)
    assert (await store.download()).read_bytes() == whole


async def test_a_broken_download_is_resumed(store: Store) -> None:
    """Only what is missing is asked for, with the host's word that the file is the same."""
    store.emulator.script("asset", Fault.unframed(0.4), Fault.unframed(0.4))
    size = (await store.download()).stat().st_size
    first, second, third = store.emulator.requests_of("asset")
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={int(size * 0.4)}-"
    assert third.headers["range"] != second.headers["range"]
    assert second.headers["if-range"] == third.headers["if-range"]


async def test_a_download_from_a_host_without_etags_begins_again(store: Store) -> None:
    """Without the host's word that the file is the same, no part of it is kept."""
    page = Fault.answer(200, b"\x89PNG\r\n\x1a\n and then nothing")
    store.emulator.script("asset", page)
    assert (await store.download()).suffix == ".mp4"
    assert not any("range" in entry.headers for entry in store.emulator.requests_of("asset"))


@pytest.mark.parametrize(
    "fault",
    [
        Fault.html(),
        Fault.short(),
        Fault.answer(500),
        Fault.answer(429),
        Fault.answer(416),
        Fault.drop_before(),
        Fault.answer(200, {"error": "soon"}),
        Fault.answer(200, b""),
    ],
    ids=lambda fault: fault.name,
)
async def test_what_is_no_file_is_asked_for_again(store: Store, fault: Fault) -> None:
    """A page, a fragment or an error in place of a file never gets its name."""
    store.emulator.script("asset", fault, fault)
    path = await store.download()
    assert path.read_bytes()[4:8] == b"ftyp"


async def test_patience_ends(store: Store) -> None:
    """A host that only ever serves a web page is a DownloadError that says so, and leaves no file."""
    store.emulator.script("asset", *[Fault.html()] * 50)
    with pytest.raises(DownloadError, match=r"\d+ bytes of text, not an image or a video"):
        await store.download()
    assert list(store.folder.iterdir()) == []
    assert len(store.emulator.requests_of("asset")) == RetryPolicy().attempts + 1 - 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_expired_url_is_told_apart(store: Store, status: int) -> None:
    """401, 403, 404 and 410 for a minute are AssetExpiredError; the signature is not in the message."""
    store.emulator.script("asset", *[Fault.answer(status)] * 50)
    begun = asyncio.get_running_loop().time()
    with pytest.raises(errors.AssetExpiredError) as caught:
        await store.download()
    assert store.url.partition("?")[2] not in str(caught.value)
    assert 59.9 < asyncio.get_running_loop().time() - begun < 61
    assert len(store.emulator.requests_of("asset")) in range(6, 10)


async def test_a_file_that_is_not_there_yet_is_asked_for_again(store: Store) -> None:
    """Object stores are consistent only eventually: 404 and 403 for seconds, then the file."""
    store.emulator.script("asset", Fault.answer(404), Fault.answer(403), Fault.answer(404))
    assert (await store.download()).exists()


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


async def test_a_file_is_never_spliced_from_two(store: Store) -> None:
    """A host that goes on with another version of the file is asked for all of it again."""
    whole = (await store.download("whole")).read_bytes()
    spliced = Fault.answer(206, b"x" * 1000, headers={"ETag": '"v2"', "Content-Range": "bytes 78000-78999/79000"})
    store.emulator.script("asset", Fault.unframed(0.4), spliced)
    assert (await store.download()).read_bytes() == whole


async def test_a_cancelled_download_leaves_nothing(store: Store) -> None:
    """Cancelled at any step, a download leaves no part, and a second one of the same name is whole."""
    whole = (await store.download("whole")).read_bytes()
    for steps in range(1, 60):
        fetching = asyncio.ensure_future(store.download("clip"))
        for _ in range(steps):
            await asyncio.sleep(0)
        fetching.cancel()
        assert (await store.download(f"clip-{steps}")).read_bytes() == whole
        await asyncio.gather(fetching, return_exceptions=True)
    assert not list(store.folder.glob("*.part"))


@pytest.mark.parametrize(
    "location", ["http://[::1", "//[", "http://h:99999/", "http://a:b/", "http://a..b/x", f"http://{'a' * 70}.b/"]
)
async def test_a_redirect_to_nowhere_is_an_error_of_ours(store: Store, location: str) -> None:
    """A Location that is no URL, or no host, is a DownloadError like any other."""
    store.emulator.script("asset", *[Fault.redirect(location, 302)] * 10)
    with pytest.raises(DownloadError):
        await store.download()


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


async def test_a_file_that_is_too_large_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a download ends at once."""
    monkeypatch.setattr(_downloader, "ASSET_LIMIT", 1000)
    with pytest.raises(DownloadError, match="larger than 1000"):
        await store.download()
    assert len(store.emulator.requests_of("asset")) == 1
    assert list(store.folder.iterdir()) == []


async def test_a_folder_that_cannot_be_is_an_error_of_ours(store: Store) -> None:
    """A file in the place of the folder is a DownloadError that names it."""
    store.folder.write_text("in the way")
    with pytest.raises(DownloadError, match="out"):
        await store.download()


async def test_redirects_are_followed_without_credentials(store: Store) -> None:
    """An asset host may redirect; no hop sees a credential (checked as the store closes)."""
    store.emulator.script("asset", Fault.redirect(store.url, 302))
    assert (await store.download()).exists()


async def test_redirects_end(store: Store) -> None:
    """A host that redirects for ever is a DownloadError."""
    store.emulator.script("asset", *[Fault.redirect(store.url, 302)] * 50)
    with pytest.raises(DownloadError, match="redirects"):
        await store.download()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "//x", "", "ftp://a/b", "http://", "https://[::1", "x:y"])
async def test_a_url_that_is_none_is_refused(store: Store, url: str) -> None:
    """What is not http(s) is never opened, and is an error of ours."""
    store.url = url
    with pytest.raises(DownloadError):
        await store.download()


@asynccontextmanager
async def host(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Serve every path by one function; yield a URL."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/clip"
    finally:
        await runner.cleanup()


WITH_MORE = {
    "JPEG": ("baseline.jpg", bytes(1023)),
    "MP4": ("index-last.mp4", b"\n"),
    "zeros": ("index-last.mp4", bytes(4)),
}


@pytest.mark.parametrize(("name", "after"), WITH_MORE.values(), ids=list(WITH_MORE))
async def test_what_follows_the_end_is_kept(store: Store, name: str, after: bytes) -> None:
    """A whole file with bytes after its end is stored as it came."""
    content = (SAMPLES / name).read_bytes() + after
    store.emulator.script("asset", Fault.answer(200, content))
    assert (await store.download()).read_bytes() == content


BARE = {
    ".mov": b"\0\0\0\x08wide\0\0\0\x09mdatd\0\0\0\x08moov",
    ".mp4": b"\0\0\0\x08styp\0\0\0\x08moof\0\0\0\x09mdatd",
    ".wav": b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data\x02\0\0\0ab",
}
"""Files without the first bytes that are usual in their kind, and their suffixes."""
with zipfile.ZipFile(frames := io.BytesIO(), "w") as opened:
    opened.writestr("frame-1.png", bytes(500))
BARE[".zip"] = frames.getvalue()
KINDS = {path.name: path.read_bytes() for path in SAMPLES.iterdir() if path.suffix != ".md"} | BARE


@pytest.mark.parametrize("name", KINDS)
async def test_each_kind_is_kept_with_the_suffix_of_what_it_is(store: Store, name: str) -> None:
    """Whatever a gateway delivers is known by its content."""
    store.emulator.script("asset", Fault.answer(200, KINDS[name]))
    asset = await store.download_asset()
    assert asset.path is not None
    assert asset.path.suffix == (Path(name).suffix or name)
    assert asset.path.read_bytes() == KINDS[name]
    assert asset.verified


@pytest.mark.parametrize(
    "name", ["baseline.jpg", "lossy.webp", "known-length.webm", "animated.gif", "vorbis.ogg", ".zip"]
)
async def test_a_file_that_its_host_has_cut_is_refused(store: Store, name: str) -> None:
    """Though the host states that it is all: its container tells that more must come."""
    assert await store.refuses(KINDS[name][:-1])


@pytest.mark.parametrize(
    ("content", "suffix", "media_type"),
    [(UNKNOWN, ".bin", "application/octet-stream"), (b"fLaC\0\0\0\x22" + bytes(500), ".flac", "audio/flac")],
)
async def test_a_kind_that_cannot_be_verified_is_kept_and_said_to_be(
    store: Store, content: bytes, suffix: str, media_type: str
) -> None:
    """Its length agrees with what the host stated, which is all that is known."""
    store.emulator.script("asset", Fault.answer(200, content))
    asset = await store.download_asset()
    assert asset.path is not None
    assert (asset.path.name, asset.media_type, asset.verified) == (f"clip{suffix}", media_type, False)
    assert asset.path.read_bytes() == content


@pytest.mark.parametrize("content", [UNKNOWN, b"fLaC\0\0\0\x22"])
async def test_without_a_stated_length_an_unknown_kind_is_refused(store: Store, content: bytes) -> None:
    """Nothing tells whether all of it came."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(content)
        return response

    async with host(answer) as store.url:
        with pytest.raises(DownloadError, match="the host does not state its length"):
            await store.download()
    assert list(store.folder.iterdir()) == []


async def test_an_unknown_kind_that_broke_off_is_resumed(store: Store) -> None:
    """The lengths of both answers together are what the host stated."""

    async def answer(request: web.Request) -> web.StreamResponse:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        response = web.StreamResponse(status=206 if start else 200, headers={"ETag": '"v1"'})
        response.content_length = len(UNKNOWN) - start
        response.headers["Content-Range"] = f"bytes {start}-{len(UNKNOWN) - 1}/{len(UNKNOWN)}"
        await response.prepare(request)
        await response.write(UNKNOWN[start:] if start else UNKNOWN[:1000])
        if not start and request.transport:
            request.transport.close()
        return response

    async with host(answer) as store.url:
        asset = await store.download_asset()
    assert (asset.size, asset.verified) == (len(UNKNOWN), False)


@pytest.mark.parametrize(
    "page",
    [
        b"<!doctype html><title>Gone</title>",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        b'  \r\n{"error": "gone"}',
        b'\xef\xbb\xbf[{"error": "gone"}]',
        "{'error': 'gone'}".encode("utf-16"),
        b"no such file",
        b"",
    ],
    ids=range(7),
)
async def test_a_page_stays_refused(store: Store, page: bytes) -> None:
    """Though its length agrees: text is no file that a task makes."""
    assert await store.refuses(page)
