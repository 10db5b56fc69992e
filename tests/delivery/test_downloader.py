"""Downloads: a file under its final name is complete, and is the right file."""

import asyncio

import pytest

from cometrunway import DownloadError, RetryPolicy, errors
from cometrunway._delivery import _downloader
from cometrunway.emulator import Fault
from tests.delivery.conftest import Download, Store
from tests.hosts import answer, clip, host


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


async def test_a_grace_of_less_than_a_second_is_used_too(download: Download) -> None:
    """After a 404 the file is asked for once more at its end."""
    async with host(answer(b"", status=404), answer(clip())) as served:
        await download(served.url, asset_grace=0.5)
    assert len(served.requests) == 2


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
