"""Each example of docs/examples as its users meet it: a server process, HTTP, and a player in a real Chromium."""

import hashlib
from typing import TYPE_CHECKING

from cometrunway.emulator import Emulator, Fault
from tests.browser.conftest import watched
from tests.frameworks.player import order, wait_until_it_plays
from tests.frameworks.servers import Service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

NO_ORDERS: tuple[object, ...] = (
    b"nonsense",
    b'{"key": "\xff"}',
    [],
    {"key": "k"},
    {"key": 1, "prompt": "p"},
    {"key": None, "prompt": "p"},
    {"key": "", "prompt": "p"},
    {"key": "a/b", "prompt": "p"},
    {"key": "..", "prompt": "p"},
)
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
    early = service.ask("/clips/cat/file")
    assert (early.status, early.headers["retry-after"], early.headers["cache-control"]) == (404, "2", "no-store")
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


def test_a_clip_that_failed_has_no_file(service: Service) -> None:
    """The answer is 404 and says why, and does not ask the client to come again."""
    service.ask("/clips", {"key": "bat", "prompt": "[fail SAFETY.INPUT.TEXT] the bat"})
    assert list(service.events("bat"))[-1]["event"] == "failed"
    answer = service.ask("/clips/bat/file")
    assert (answer.status, "retry-after" in answer.headers) == (404, False)
    assert b"SAFETY.INPUT.TEXT" in answer.body


def test_a_refused_submission_has_the_status_of_the_page(service: Service, emulator: Emulator) -> None:
    """409 for the key of another clip, 422 for what the gateway refuses, and 502 if it is not known whether it did."""
    service.ask("/clips", {"key": "owl", "prompt": "the owl looks"})
    before = emulator.creates.received
    conflict = service.ask("/clips", {"key": "owl", "prompt": "the owl flies <b>"})
    assert (conflict.status, "html" in conflict.headers["content-type"]) == (409, False)
    assert emulator.creates.received == before
    for fault, status in ((Fault.answer(400), 422), (Fault.bad_gateway(), 502)):
        emulator.script("create", fault)
        assert service.ask("/clips", {"key": f"owl {status}", "prompt": "the owl sleeps"}).status == status


def test_a_wrong_request_is_refused(service: Service, emulator: Emulator) -> None:
    """A key of which nothing is known, a body that is no order, and a prompt that cannot be; nothing is paid for."""
    before = emulator.creates.received
    for path in ("/clips/none", "/clips/none/events", "/clips/none/file"):
        answer = service.ask(path)
        assert (answer.status, "retry-after" in answer.headers) == (404, False)
    for body in NO_ORDERS:
        assert service.ask("/clips", body).status == 400, body
    impossible = service.ask("/clips", {"key": "k", "prompt": ""})
    assert impossible.status == 422
    assert b"prompt: must not be empty" in impossible.body
    assert emulator.creates.received == before


def test_a_body_that_is_nested_too_deeply_is_refused(service: Service, name: str) -> None:
    """As one that is not JSON; Litestar answers 500 before the program sees it."""
    assert service.ask("/clips", b"[" * 100_000).status == (500 if name == "litestar" else 400)


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
