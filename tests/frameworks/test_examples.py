"""Each example of docs/examples as its users meet it: a server process, HTTP, and a player in a real Chromium."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cometrunway.emulator import Emulator
from tests.browser.conftest import watched
from tests.frameworks.player import order, wait_until_it_plays
from tests.frameworks.servers import Service, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

SEEK = """async () => {
    const video = document.querySelector("video");
    video.pause();
    const sought = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = video.duration / 2;
    await sought;
    return video.currentTime;
}"""


def test_one_request_submits_and_another_follows(service: Service, emulator: Emulator) -> None:
    """The create is answered at once, the events come to the last one, and the same key buys nothing more."""
    before, called_back = emulator.creates.accepted, len(emulator.callbacks)
    ordered = service.ask("/clips", {"key": "cat", "prompt": "the cat yawns"})
    assert (ordered.status, ordered.json["key"], ordered.json["event"]) == (202, "cat", "submitted")
    assert service.ask("/clips/cat/file").status == 409
    told = list(service.events("cat"))
    assert [event["event"] for event in told][-2:] == ["ended", "downloaded"]
    assert service.ask("/clips", {"key": "cat", "prompt": "the cat yawns"}).json["event"] == "downloaded"
    assert service.ask("/clips/cat").json["status"] == "SUCCEEDED"
    assert service.ask("/health").json == {"in_flight": 0}
    assert emulator.creates.accepted == before + 1
    assert [posted.status for posted in emulator.callbacks[called_back:]] == [200]


def test_a_file_comes_whole_or_in_part(service: Service) -> None:
    """With its type and its digest; what is wrong with a request is said."""
    _make(service, "dog")
    whole = service.ask("/clips/dog/file")
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["etag"] == f'"{hashlib.sha256(whole.body).hexdigest()}"'
    part = service.ask("/clips/dog/file", Range="bytes=100-199")
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.body)}"
    assert service.ask("/clips/dog/file", Range=f"bytes={len(whole.body)}-").status == 416
    assert service.ask("/clips/dog/file", **{"If-None-Match": whole.headers["etag"]}).status == 304


def test_a_key_of_another_clip_is_a_conflict(service: Service, emulator: Emulator) -> None:
    """The answer is 409, and nothing is paid for."""
    service.ask("/clips", {"key": "owl", "prompt": "the owl looks"})
    before = emulator.creates.received
    assert service.ask("/clips", {"key": "owl", "prompt": "the owl flies"}).status == 409
    assert emulator.creates.received == before


def test_a_wrong_request_is_refused(service: Service) -> None:
    """A key of which nothing is known, one that is empty, and an order without a prompt."""
    for path in ("/clips/none", "/clips/none/events", "/clips/none/file"):
        assert service.ask(path).status == 404
    assert service.ask("/clips", {"key": "", "prompt": "p"}).status == 422
    assert service.ask("/clips", {"key": "k"}).status in {400, 422}


def test_a_client_that_disconnects_harms_nothing(service: Service, emulator: Emulator) -> None:
    """It leaves in the middle of the events and of the file; the clip is made, and others are answered."""
    emulator.next_task(seconds=3)
    service.ask("/clips", {"key": "fox", "prompt": "the fox leaves"})
    for _ in range(10):
        with service.opened("/clips/fox/events") as answer:
            assert answer.readline().startswith(b"data: ")
    assert list(service.events("fox"))[-1]["event"] == "downloaded"
    for _ in range(10):
        with service.opened("/clips/fox/file") as answer:
            answer.read(10)
    assert service.ask("/clips/fox/file").status == 200
    assert service.ask("/health").json == {"in_flight": 0}


def test_a_browser_orders_a_clip_and_plays_it(service: Service, browser: "Browser") -> None:
    """The video comes in ranges, plays, can be sought in, and the page complains of nothing."""
    statuses: set[int] = set()

    def note(answer: "Response") -> None:
        if answer.url.endswith("/file"):
            statuses.add(answer.status)

    with watched(browser, service.url) as page:
        page.on("response", note)
        order(page)
        wait_until_it_plays(page)
        assert page.evaluate(SEEK) > 0
    assert statuses == {206}


def _make(service: Service, key: str) -> None:
    service.ask("/clips", {"key": key, "prompt": key})
    assert list(service.events(key))[-1]["event"] == "downloaded"


def test_the_short_example_of_the_page_works(emulator: Emulator, tmp_path: Path) -> None:
    """What docs/web-backends.md shows is served as it stands."""
    code, *_ = re.findall(r"```py\n(.*?)```", (Path("docs/web-backends.md")).read_text(), re.DOTALL)
    (tmp_path / "app.py").write_text(code)
    with serving("app", emulator, tmp_path) as service:
        query = urlencode({"image": "https://example.com/cat.jpg", "prompt": "the cat yawns"})
        assert service.ask(f"/clips/cat?{query}", {}).status == 202
        assert list(service.events("cat"))[-1]["event"] == "downloaded"
        assert service.ask("/clips/cat/file", Range="bytes=0-9").status == 206
        assert service.ask("/clips/none/file").status == 404
        assert service.stop() < 3
    assert "Traceback" not in service.log.read_text()
