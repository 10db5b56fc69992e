"""Outputs within an answer: decoded, verified and saved like a download."""

import asyncio
import base64
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest

from cometrunway import DownloadError, Event
from cometrunway._delivery import _downloader
from cometrunway._journal._journal import Journal
from cometrunway.emulator import Emulator, Fault
from tests.delivery.conftest import Download
from tests.hosts import answer, clip, host
from tests.samples import yawn

CLIP = clip(5_001)
PLAIN = base64.b64encode(CLIP).decode()
SPELLED = {
    "base64": f"data:video/mp4;base64,{PLAIN}",
    "no type": f"data:;base64,{PLAIN}",
    "capitals": f"DATA:Video/MP4;BASE64,{PLAIN}",
    "more parameters": f"data:video/mp4; codecs=avc1 ; base64,{PLAIN}",
    "no padding": f"data:video/mp4;base64,{PLAIN.rstrip('=')}",
    "lines": "data:video/mp4;base64,\r\n" + "\r\n\t ".join(PLAIN[at : at + 76] for at in range(0, len(PLAIN), 76)),
    "for URLs": f"data:video/mp4;base64,{base64.urlsafe_b64encode(CLIP).decode().rstrip('=')}",
    "base64 in percents": f"data:video/mp4;base64,{quote(PLAIN, safe='')}",
    "percents": f"data:video/mp4,{quote_from_bytes(CLIP)}",
    "base64 that is not said to be": f"data:video/mp4,{PLAIN}",
}


@pytest.mark.parametrize("url", SPELLED.values(), ids=list(SPELLED))
async def test_an_inline_output_is_saved_like_a_download(download: Download, url: str) -> None:
    """However it is spelled: whole, verified, with the suffix of what it is; the asset holds no second copy of it."""
    asset = await download(url)
    assert asset.path is not None
    assert (asset.path.name, asset.path.read_bytes(), asset.verified) == ("clip.mp4", CLIP, True)
    assert asset.url.lower() in {"data:video/mp4", "data:"}


BAD = {
    "no content": "data:video/mp4;base64",
    "empty": "data:video/mp4;base64,",
    "no base64": f"data:video/mp4;base64,{PLAIN[:-10]}!secret!!",
    "one digit too many": f"data:video/mp4;base64,{PLAIN.rstrip('=')[:-1]}",
    "padding within": f"data:video/mp4;base64,{PLAIN[:100]}=={PLAIN[100:]}",
    "cut": f"data:video/mp4;base64,{PLAIN[:4000]}",
    "text": "data:text/plain,secret",
    "no ASCII": "data:video/mp4;base64,\u732b\ud800",
}


@pytest.mark.parametrize("url", BAD.values(), ids=list(BAD))
async def test_a_bad_one_is_an_error_that_shows_nothing_of_it(download: Download, url: str, tmp_path: Path) -> None:
    """Neither its content nor megabytes are in the error."""
    with pytest.raises(DownloadError) as caught:
        await download(url)
    assert "secret" not in f"{caught.value}{caught.value.__cause__!r}"
    assert len(pickle.dumps(caught.value)) < 1000
    assert list((tmp_path / "out").iterdir()) == []


async def test_what_comes_out_counts(download: Download, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on a file's size holds for inline outputs."""
    monkeypatch.setattr(_downloader, "ASSET_LIMIT", len(CLIP) - 1)
    with pytest.raises(DownloadError, match="larger than"):
        await download(SPELLED["base64"])


@pytest.mark.parametrize("stores", [True, False])
async def test_megabytes_go_to_the_file_only(session: Any, tmp_path: Path, stores: bool) -> None:
    """No event, repr or journal has them; without an output folder, the asset keeps its content for `download`."""
    events: list[Event] = []
    options = {} if stores else {"output_dir": None}
    async with Emulator() as emulator, host(answer(CLIP)) as served:
        outputs = [f"{served.url}?signature=secret", SPELLED["base64"]]
        emulator.script("poll", Fault.answer(200, {"status": "SUCCEEDED", "output": outputs}))
        async with session(emulator, journal=tmp_path / "j.db", on_event=events.append, **options) as runway:
            handle = await runway.submit(yawn(), key="cat")
            assets = await handle
            assert handle.task is not None
            assert (PLAIN in repr(handle.task.raw)) is not stores
            if not stores:
                assets = [await runway.download(asset, tmp_path / f"{n}.mp4") for n, asset in enumerate(assets)]
    assert [asset.path.read_bytes() for asset in assets] == [CLIP, CLIP]
    assert PLAIN[:20] not in repr(assets) + repr(events)
    [entry] = Journal.read(tmp_path / "j.db")
    assert [asset.url for asset in entry.assets] == [served.url, "data:video/mp4"]
    assert PLAIN[:20].encode() not in (tmp_path / "j.db").read_bytes()


async def test_large_ones_leave_the_loop_its_turn(download: Download) -> None:
    """They are decoded in a thread."""
    content = clip(20_000_000)
    url = f"data:video/mp4;base64,{base64.b64encode(content).decode()}"
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    asset = await download(url)
    counting.cancel()
    assert asset.size == len(content)
    assert turns > 100
