"""The gallery without a browser: what the page holds, what the server answers, and to whom."""

import asyncio
import base64
import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit
from urllib.request import urlopen

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometrunway import Journal, JournalError
from cometrunway._gallery import FolderSource, GalleryError, GalleryServer, source_of, write_page
from cometrunway._gallery._cards import Card, MediaFile
from cometrunway._gallery._feed import Feed
from cometrunway._gallery._page import _PAGE, _SCRIPTS, as_script_data, linked_from, policy, render
from cometrunway._gallery._server import _STREAMS
from cometrunway._gallery._sources import Batch
from tests.recorded import Recorded, clip, record, still
from tests.virtual import VirtualLoop

COMMAND = [sys.executable, "-m", "cometrunway", "gallery"]
DATA = re.compile(r'<script id="data" type="application/json">(.*?)</script>', re.DOTALL)


def data_of(page: Path) -> Any:
    """Return what a page's script reads."""
    found = DATA.search(page.read_text())
    assert found
    return json.loads(found[1])


def inline(tag: str) -> str:
    """Return the content of a page's style or script, as a browser takes it."""
    found = re.search(rf"<{tag}>(.*?)</{tag.split(maxsplit=1)[0]}>", render("a batch", {"shots": []}), re.DOTALL)
    assert found
    return found[1]


# The page


@pytest.mark.parametrize(("tag", "directive"), [("style", "style-src"), ('script type="module"', "script-src")])
def test_only_the_pages_own_style_and_script_may_run(tag: str, directive: str) -> None:
    """The policy names their hashes, and nothing unsafe."""
    digest = base64.b64encode(hashlib.sha256(inline(tag).encode()).digest()).decode()
    for is_live in (True, False):
        assert f"{directive} 'sha256-{digest}';" in policy(is_live=is_live)
        assert policy(is_live=is_live).startswith("default-src 'none';")
        assert "unsafe" not in policy(is_live=is_live)


def test_the_page_asks_nobody() -> None:
    """Beside the name of SVG there is no address in it, and no way for text to become markup."""
    page = render("a batch", {"shots": []})
    assert set(re.findall(r"\w+://[\w./]*", page)) == {"http://www.w3.org/2000/svg"}
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " onclick", " style="):
        assert way not in page
    assert page.lower().count("</script") == 2


def test_every_part_of_the_script_is_in_it() -> None:
    """No part is forgotten in the folder."""
    assert {f"{name}.js" for name in _SCRIPTS} == {part.name for part in _PAGE.iterdir() if part.name.endswith(".js")}


@given(st.text(st.characters()), st.text("</!-->script&\u2028\u2029{}"))
def test_data_stays_data(text: str, markup: str) -> None:
    """Whatever a prompt is, no HTML parser sees markup in it, and the script reads it as it was."""
    encoded = as_script_data({"prompt": text, markup: markup})
    assert encoded.isascii()
    assert not set(encoded) & set("<>&")
    assert json.loads(encoded) == {"prompt": text, markup: markup}


@pytest.mark.parametrize(
    "name",
    ["a b#c?d%41.mp4", "e&f'g\"h.mp4", "http:x.mp4", "ü猫 .mp4", "sub/dir/x.mp4", "../beside/x.mp4", "\udcff.mp4"],
)
def test_a_link_leads_to_its_file(name: str) -> None:
    """A file's URL is relative, and means that very file in a browser, whatever its name."""
    page = Path("/somewhere/out/gallery.html")
    path = Path(os.path.normpath(page.parent / name))
    link = linked_from(page)(0, 0, MediaFile(path=path, media_type="video/mp4", size=1))
    resolved = urlsplit(urljoin("file:///somewhere/out/gallery.html", link))
    assert (resolved.scheme, resolved.query, resolved.fragment) == ("file", "", "")
    assert unquote_to_bytes(resolved.path) == os.fsencode(path)


async def test_the_page_tells_what_the_journal_knows(tmp_path: Path) -> None:
    """Prompt, model, seed, seconds, route, id, status and reason, in the journal's order; of local paths only names."""
    (tmp_path / "one.mp4").write_bytes(clip())
    private = {"prompt_image": {"path": "/home/canary/face.png", "sha256": "a" * 64}, "references": [{"uri": "u"}]}
    await record(
        tmp_path / "shots.db",
        [
            Recorded(key="one", files=(tmp_path / "one.mp4",), request=private),
            Recorded(key="two", outcome="failed", reason="no luck"),
            Recorded(key="three", outcome="submitting"),
        ],
    )
    assert write_page(source_of(tmp_path / "shots.db"), tmp_path / "gallery.html") == 3
    one, two, three = data_of(tmp_path / "gallery.html")["shots"]
    told = {"prompt": "a cat", "model": "gen4_turbo", "seed": 7, "seconds": 5, "ratio": "1280:720", "id": "task-of-one"}
    assert told.items() <= one.items()
    assert (one["route"], one["status"], one["files"][0]["url"]) == ("image_to_video", "succeeded", "one.mp4")
    assert one["more"] == [["prompt_image", "face.png"], ["references", "uri u"]]
    assert (two["status"], two["reason"]) == ("failed", "no luck [INTERNAL.BAD_OUTPUT]")
    assert three["status"] == "in_doubt"
    assert "canary" not in (tmp_path / "gallery.html").read_text()


def test_only_a_gallery_is_replaced(tmp_path: Path) -> None:
    """A gallery of before is replaced; whatever else has the name stays as it is, and nothing is left half written."""
    (tmp_path / "one.png").write_bytes(still())
    source, page, letter = source_of(tmp_path), tmp_path / "gallery.html", tmp_path / "letter.html"
    write_page(source, page)
    (tmp_path / "two.png").write_bytes(still())
    assert write_page(source, page) == 2
    letter.write_text("Dear Sir")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for output, reason in (
        (letter, "is no gallery"),
        (tmp_path / "folder", "cannot write"),
        (tmp_path / "no" / "x", "No such"),
        (tmp_path / "pipe", "is a pipe"),
    ):
        with pytest.raises(GalleryError, match=reason):
            write_page(source, output)
    assert letter.read_text() == "Dear Sir"
    names = {"one.png", "two.png", "gallery.html", "letter.html", "folder", "pipe"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_no_other_file_is_touched(tmp_path: Path) -> None:
    """A name that looks like a half-written page's may be the user's, or a link; a name may be as long as can be."""
    (tmp_path / "one.png").write_bytes(still())
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a.html.part").write_text("mine")
    (tmp_path / "b.html.part").symlink_to(tmp_path / "mine")
    for output in ("a.html", "b.html", "x" * 255):
        write_page(source_of(tmp_path), tmp_path / output)
        assert len(data_of(tmp_path / output)["shots"]) == 1
    assert [(tmp_path / name).read_text() for name in ("mine", "a.html.part", "b.html.part")] == ["mine"] * 3
    assert len(list(tmp_path.iterdir())) == 7


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """In one line, like every mistake."""
    (tmp_path / "one.png").write_bytes(still())
    tmp_path.chmod(0o555)
    with pytest.raises(GalleryError, match="Permission denied"):
        write_page(source_of(tmp_path), tmp_path / "gallery.html")


# The sources


async def test_a_folders_journals_tell_what_its_files_are(tmp_path: Path) -> None:
    """Also when it was moved since; other databases and other files in it harm nobody."""
    folder = tmp_path / "before"
    folder.mkdir()
    (folder / "known.mp4").write_bytes(clip())
    (folder / "unknown.PNG").write_bytes(still())
    (folder / "notes.txt").write_text("x")
    await record(folder / "shots.db", [Recorded(key="k", files=(folder / "known.mp4",)), Recorded(key="elsewhere")])
    other = sqlite3.connect(folder / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    known, unknown = FolderSource(folder.rename(tmp_path / "after")).read().cards
    assert (known.key, known.status, known.request["prompt_text"]) == ("known.mp4", "succeeded", "a cat")
    assert (unknown.key, unknown.status) == ("unknown.PNG", "file")
    assert unknown.files[0].media_type == "image/png"


async def test_a_folder_is_shown_whole(tmp_path: Path) -> None:
    """With its subfolders, each file under its relative path; without hidden folders, links, and what is no file."""
    for name in ("image/one.mp4", "video/one.mp4", ".hidden/x.mp4", "z.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(clip())
    (tmp_path / "file.mp4").symlink_to(tmp_path / "z.mp4")
    (tmp_path / "folder").symlink_to(tmp_path / "image")
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe")
    for name in ("image", "video"):
        shot = Recorded(key="one", prompt=name, files=(tmp_path / name / "one.mp4",))
        await record(tmp_path / name / "shots.db", [shot])
    cards = source_of(tmp_path).read().cards
    assert [(card.key, card.request.get("prompt_text")) for card in cards] == [
        ("image/one.mp4", "image"),
        ("video/one.mp4", "video"),
        ("z.mp4", None),
    ]
    write_page(source_of(tmp_path), tmp_path / "gallery.html")
    assert data_of(tmp_path / "gallery.html")["shots"][0]["files"][0]["url"] == "image/one.mp4"


@pytest.mark.parametrize("damage", ["PRAGMA user_version = 99", "UPDATE submission SET state = 'strange'"])
async def test_a_journal_that_cannot_be_read_spoils_no_folder(damage: str, tmp_path: Path) -> None:
    """It is left out, and the page says so."""
    (tmp_path / "one.png").write_bytes(still())
    await record(tmp_path / "shots.db", [Recorded(key="one")])
    change(tmp_path / "shots.db", damage)
    write_page(source_of(tmp_path), tmp_path / "gallery.html")
    data = data_of(tmp_path / "gallery.html")
    assert [shot["key"] for shot in data["shots"]] == ["one.png"]
    assert data["problem"] == "Journals that cannot be read: shots.db"


def change(journal: Path, statement: str) -> None:
    """Change a journal behind its back."""
    with closing(sqlite3.connect(journal)) as database, database:
        database.execute(statement)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent", "there is no .*absent"),
        (".", "no media file"),
        ("letter.txt", "no journal"),
        ("x.mp4", "folder"),
        ("pipe", "no journal file"),
    ],
)
def test_what_is_no_source_is_named(name: str, reason: str, tmp_path: Path) -> None:
    """What cannot be shown raises an error that names it, and says what can."""
    if name != ".":
        (tmp_path / "x.mp4").touch()
    (tmp_path / "letter.txt").write_text("Dear Sir, this is a letter.")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((GalleryError, JournalError), match=reason):
        source_of(tmp_path / name)


# What a live page is told


async def test_only_what_changed_is_told(tmp_path: Path) -> None:
    """After a version come only the shots that changed since, under the numbers that they had."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key=str(number), outcome="accepted") for number in range(100)])
    feed = Feed(source_of(path))
    await feed.refresh()
    before = feed.version
    assert len(feed.since(0)["shots"]) == 100
    assert feed.since(before)["shots"] == []
    async with Journal(path) as journal:
        await journal.refuse("41", "changed")
        await feed.refresh()
        [shot] = feed.since(before)["shots"]
        assert (shot["n"], shot["status"]) == (41, "refused")
        assert feed.since(before)["isWritten"]
    await feed.refresh()
    assert not feed.since(before)["isWritten"], "that its writer has gone is told, though no file changed"


async def test_nothing_is_read_while_nothing_changes() -> None:
    """A source is read once after a change, and once more, for a file's time is coarse; then no more."""
    source = StillSource()
    feed = Feed(source)
    for _ in range(10):
        await feed.refresh()
    assert source.reads == 2
    assert feed.version == 1
    source.stamp += 1
    for _ in range(10):
        await feed.refresh()
    assert source.reads == 4


async def test_slow_reads_are_rare() -> None:
    """After a read no other follows for four times as long as it took, however much changes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    source = SlowSource(loop)
    feed = Feed(source)
    for _ in range(100):
        source.stamp += 1
        await feed.refresh()
        await asyncio.sleep(1)
    assert 15 <= source.reads <= 25


async def test_what_has_gone_is_told(tmp_path: Path) -> None:
    """A file that was deleted leaves the page, and the others keep their numbers."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(still())
    feed = Feed(source_of(tmp_path))
    await feed.refresh()
    before = feed.version
    (tmp_path / "a.png").unlink()
    await feed.refresh()
    assert feed.since(before)["shots"] == [{"n": 0, "gone": True}]
    assert feed.file(0, 0) is None
    assert feed.file(1, 0) is not None


async def test_a_journal_that_breaks_is_told(tmp_path: Path) -> None:
    """What was known stays, the problem is said, and it ends when the journal is there again."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="one", outcome="accepted")])
    feed = Feed(source_of(path))
    await feed.refresh()
    path.rename(tmp_path / "hidden")
    await feed.refresh()
    state = feed.since(0)
    assert "there is no journal" in state["problem"]
    assert [shot["key"] for shot in state["shots"]] == ["one"]
    os.mkfifo(path)
    await feed.refresh()
    assert "there is no journal" in feed.since(0)["problem"]
    (tmp_path / "hidden").rename(path)
    await feed.refresh()
    assert feed.since(0)["problem"] is None


@pytest.mark.parametrize(
    "damage",
    [
        "state = 'strange'",
        "request = '{'",
        "request = '[1]'",
        "assets = '[{}]'",
        "failure = '{\"x\": 1}'",
        "key = x'ff'",
        "created_at = 'x'",
    ],
)
async def test_a_damaged_row_is_told(damage: str, tmp_path: Path) -> None:
    """As long as it is damaged, however often one asks; and no longer."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="one", outcome="accepted")])
    sound = path.read_bytes()
    feed = Feed(source_of(path))
    await feed.refresh()
    change(path, f"UPDATE submission SET {damage}")  # noqa: S608 - the test's own
    for _ in range(3):
        await feed.refresh()
        assert "is damaged" in feed.since(0)["problem"]
        assert [shot["key"] for shot in feed.since(0)["shots"]] == ["one"]
    path.write_bytes(sound)
    await feed.refresh()
    assert feed.since(0)["problem"] is None


async def test_whatever_a_source_raises_is_told() -> None:
    """Also what nobody foresaw, and it is read again until it can be."""
    source = StillSource()
    feed = Feed(source)
    source.error = RuntimeError("what nobody foresaw")
    await feed.refresh()
    assert feed.since(0)["problem"] == "what nobody foresaw"
    source.error = None
    await feed.refresh()
    assert feed.since(0)["problem"] is None


async def test_what_json_cannot_say_is_left_out(tmp_path: Path) -> None:
    """Infinities and the like are no JSON, and no browser reads them; what is no text is shown as text."""
    request = {"seed": float("nan"), "duration": float("inf"), "model": {"sha256": 5}, "x": {"sha256": 5, "path": 5}}
    await record(tmp_path / "shots.db", [Recorded(key="one", outcome="accepted", request=request)])
    change(tmp_path / "shots.db", "UPDATE submission SET created_at = 9e999")
    write_page(source_of(tmp_path / "shots.db"), tmp_path / "gallery.html")
    [shot] = data_of(tmp_path / "gallery.html")["shots"]
    told = {"created": None, "seed": None, "seconds": None, "model": "5…", "more": [["x", "5"]]}
    assert told.items() <= shot.items()


class StillSource:
    """A source that counts how often it is read."""

    title = "still"

    def __init__(self) -> None:
        self.reads, self.stamp = 0, 0
        self.error: Exception | None = None

    def read(self) -> Batch:
        if self.error:
            raise self.error
        self.reads += 1
        return Batch(cards=(Card(key="one", status="file"),))

    def is_written(self) -> bool:
        return False

    def signature(self) -> object:
        return self.stamp


class SlowSource(StillSource):
    """A source that takes a second to read."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop

    def read(self) -> Batch:
        self.loop.now += 1
        return super().read()


# The server


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[GalleryServer, aiohttp.ClientSession]]:
    """Serve a journal of two shots, one of which names a file that is no medium."""
    (folder / "one.mp4").write_bytes(clip())
    (folder / "secret.txt").write_text("secret")
    await record(
        folder / "shots.db",
        [
            Recorded(key="one", files=(folder / "secret.txt", folder / "one.mp4")),
            Recorded(key="two", outcome="accepted"),
        ],
    )
    async with GalleryServer(source_of(folder / "shots.db")) as server, aiohttp.ClientSession() as http:
        async with http.get(server.url) as page:
            assert page.status == 200
        yield server, http


async def status(http: aiohttp.ClientSession, url: str, method: str = "GET", **headers: str) -> int:
    """Return the status of an answer."""
    async with http.request(method, url, headers=headers) as response:
        return response.status


async def test_a_stranger_sees_nothing(tmp_path: Path) -> None:
    """Without the token, or under another host's name, nothing is answered; under both of this machine's it is."""
    async with serving(tmp_path) as (server, http):
        root = f"http://127.0.0.1:{server.port}"
        assert len(urlsplit(server.url).path.strip("/")) >= 32
        for path in ("/", "/wrong/", "/wrong/events", "/wrong/media/0/0", "/%C3%BC/", f"{urlsplit(server.url).path}x"):
            assert await status(http, root + path) == 404
        for host in (
            "evil.example",
            f"evil.example:{server.port}",
            "127.0.0.1",
            f"127.0.0.1:{server.port}.evil.example",
        ):
            assert await status(http, server.url, Host=host) == 421
        assert await status(http, server.url, Host=f"localhost:{server.port}") == 200
        assert await status(http, server.url, "POST") == 404


async def test_only_media_that_the_journal_names_are_served(tmp_path: Path) -> None:
    """By number, in parts if asked so, as what they are; what is no medium is not even counted."""
    async with serving(tmp_path) as (server, http):
        async with http.get(f"{server.url}media/0/0", headers={"Range": "bytes=4-7"}) as response:
            assert (response.status, await response.read()) == (206, b"ftyp")
            assert response.headers["Content-Type"] == "video/mp4"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
        for place in ("0/1", "1/0", "7/0", "-1/0", "../secret.txt", "0/0/..%2F..%2Fsecret.txt", "99999999999/0"):
            assert await status(http, f"{server.url}media/{place}") == 404
        (tmp_path / "one.mp4").unlink()
        assert await status(http, f"{server.url}media/0/0") == 404


async def test_nothing_beside_a_file_is_served(tmp_path: Path) -> None:
    """Neither what looks like a compressed copy, nor where a link leads, nor what is no file."""
    async with serving(tmp_path) as (server, http):
        path = tmp_path / "one.mp4"
        for suffix in (".br", ".gz"):
            (tmp_path / f"one.mp4{suffix}").write_bytes(b"nobody named me")
        async with http.get(f"{server.url}media/0/0", headers={"Accept-Encoding": "br, gzip"}) as response:
            assert await response.read() == clip()
            assert "Content-Encoding" not in response.headers
        path.unlink()
        path.symlink_to(tmp_path / "secret.txt")
        assert await status(http, f"{server.url}media/0/0") == 404
        path.unlink()
        os.mkfifo(path)
        assert await status(http, f"{server.url}media/0/0") == 404


async def test_the_live_page_is_never_stored(tmp_path: Path) -> None:
    """Its headers forbid storing and framing, and its policy lets it talk to its own server only."""
    async with serving(tmp_path) as (server, http), http.get(server.url) as response:
        assert response.headers["Cache-Control"] == "no-store"
        sent = response.headers["Content-Security-Policy"]
        assert sent == f"{policy(is_live=True)}; frame-ancestors 'none'"
        assert "connect-src 'self'" in sent
        assert "file:" not in sent


async def next_event(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the fields of the next event, or comment, of a stream."""
    fields = {}
    while line := (await response.content.readline()).decode().rstrip("\n"):
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    return fields


async def test_events_go_on_where_a_page_stopped(tmp_path: Path) -> None:
    """After a lost connection only what changed since its last event is told; who has nothing is told all."""
    async with serving(tmp_path) as (server, http):
        async with http.get(f"{server.url}events") as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            await next_event(response)  # how soon to come again
            first = await next_event(response)
        assert len(json.loads(first["data"])["shots"]) == 2
        async with http.get(f"{server.url}events?since=0", headers={"Last-Event-ID": first["id"]}) as response:
            await next_event(response)
            async with Journal(tmp_path / "shots.db") as journal:
                await journal.refuse("two", "changed")
                shots: list[Any] = []
                while not shots:  # that somebody writes may be told first
                    shots = json.loads((await next_event(response))["data"])["shots"]
        assert [shot["key"] for shot in shots] == ["two"]


async def test_the_number_of_streams_is_bounded(tmp_path: Path) -> None:
    """Beyond it a page is told so; whoever goes makes room, and who only asks for the head takes none."""
    async with serving(tmp_path) as (server, http), AsyncExitStack() as stack:
        for _ in range(_STREAMS):
            assert await status(http, f"{server.url}events", "HEAD") == 404
        streams = [await stack.enter_async_context(http.get(f"{server.url}events")) for _ in range(_STREAMS)]
        assert [stream.status for stream in streams] == [200] * _STREAMS
        async with http.get(f"{server.url}events") as response:
            assert (response.status, await response.text()) == (503, "too many pages are open; close some\n")
        streams[0].close()
        await asyncio.sleep(1)
        assert await status(http, f"{server.url}events") == 200


async def test_what_is_told_is_encoded_once(tmp_path: Path) -> None:
    """Pages that know the same are sent the same, and it is made once for all of them."""
    async with serving(tmp_path) as (server, _):
        feed = server._feed
        assert feed.event(0) is feed.event(0)
        assert feed.event(0) != feed.event(feed.version)


async def test_a_quiet_stream_beats(tmp_path: Path) -> None:
    """While nothing changes, a comment every fifteen seconds tells both sides that they are still there."""
    async with serving(tmp_path) as (server, http), http.get(f"{server.url}events") as response:
        await next_event(response)
        await next_event(response)
        begun = asyncio.get_running_loop().time()
        assert await next_event(response) == {"": "still here"}
        assert 15 <= asyncio.get_running_loop().time() - begun <= 17


async def test_streams_end_with_the_server(tmp_path: Path) -> None:
    """Leaving the server ends the streams of its pages."""
    async with aiohttp.ClientSession() as http:
        async with serving(tmp_path) as (server, _):
            response = await http.get(f"{server.url}events")
        assert (await response.content.read()).endswith(b"\n\n")


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """A port that somebody else has is an error that names it."""
    async with serving(tmp_path) as (server, _):
        with pytest.raises(GalleryError, match=f"port {server.port}"):
            async with GalleryServer(source_of(tmp_path / "shots.db"), port=server.port):
                pass


# The command


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in a folder."""
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_says_where_the_page_is(tmp_path: Path) -> None:
    """It writes gallery.html, or what -o names, and prints its URL."""
    (tmp_path / "one.png").write_bytes(still())
    for arguments, name in (([], "gallery.html"), (["-o", "other.html"], "other.html")):
        ended = command(".", *arguments, folder=tmp_path)
        assert (ended.returncode, ended.stdout) == (0, f"1 shot: {(tmp_path / name).as_uri()}\n")
        assert len(data_of(tmp_path / name)["shots"]) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent"], "there is no absent"),
        ([".", "--serve", "-o", "x.html"], "-o"),
        ([".", "--port", "80"], "--serve"),
        ([".", "--serve", "--port", "70000"], "65535"),
        ([], "DIR|JOURNAL"),
    ],
)
def test_wrong_use_is_status_2(arguments: list[str], reason: str, tmp_path: Path) -> None:
    """Wrong use ends with status 2, a message that names the thing, and no traceback."""
    (tmp_path / "one.png").write_bytes(still())
    ended = command(*arguments, folder=tmp_path)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_when_it_is_told_to(number: signal.Signals, tmp_path: Path) -> None:
    """The first line is its URL; a signal ends it with status 0. Of pages gone and wrong requests nothing is said."""
    (tmp_path / "one.png").write_bytes(still())
    with subprocess.Popen(
        [*COMMAND, ".", "--serve"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urlopen(f"{url}events", timeout=10) as gone:  # noqa: S310 - the process's own
            assert gone.readline() == b"retry: 1000\n"
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10) as wrong:
            wrong.sendall(b"GET \xff HTTP/9.9\r\n\x00: x\r\n\r\n")
            assert b" 400 " in wrong.recv(100)
        with urlopen(f"{url}events", timeout=10) as stream:  # noqa: S310
            for name in ("two.png", "three.png", "four.png"):
                (tmp_path / name).write_bytes(still())
                while name.encode() not in stream.readline():
                    pass
            process.send_signal(number)
            _, noise = process.communicate(timeout=5)
    assert (process.returncode, noise) == (0, "whoever has this URL sees the gallery; Ctrl-C ends it\n")
