"""The examples are stopped with work in flight, and started again."""

import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cometrunway.emulator import Emulator
from tests.frameworks.player import order, wait_until_it_plays
from tests.frameworks.servers import Service, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_FLIGHT = 300


def test_sigterm_loses_nothing_and_is_quick(name: str, tmp_path: Path) -> None:
    """With 300 tasks in flight and readers of events it is gone in 3 s; the next process has all, and buys none."""
    with Emulator.in_thread(duration=math.inf, not_exist_seconds=0) as emulator:
        emulator.next_task(seconds=0)
        with serving(name, emulator, tmp_path) as service:
            service.ask("/clips", {"key": "cat", "prompt": "the cat yawns"})
            assert list(service.events("cat"))[-1]["event"] == "downloaded"
            _fill(service)
            assert service.ask("/health").json == {"in_flight": IN_FLIGHT}
            readers = [service.events(quote(f"clip {number}")) for number in range(5)]
            for reader in readers:
                assert next(reader)["event"] in {"submitted", "changed"}
            seconds = service.stop()
            for reader in readers:
                assert {event["event"] for event in reader} <= {"changed"}
        with serving(name, emulator, tmp_path) as service:
            assert service.ask("/health").json == {"in_flight": IN_FLIGHT}
            assert service.ask("/clips/cat").json["event"] == "downloaded"
            assert service.ask("/clips/cat/file", Range="bytes=0-9").status == 206
            again = service.stop()
    print(
        f"\n{name}, {IN_FLIGHT} tasks in flight: gone {seconds:.2f} s after SIGTERM with 5 readers of events, and "
        f"{again:.2f} s after it in the next process"
    )
    assert max(seconds, again) < 3
    assert emulator.creates.accepted == IN_FLIGHT + 1
    assert not emulator.creates.repeats
    assert "Traceback" not in service.log.read_text()


def test_the_page_goes_on_after_a_restart(emulator: Emulator, tmp_path: Path, browser: "Browser") -> None:
    """The events end with the old process, the browser connects to the new one, and the clip plays; none is bought."""
    before = emulator.creates.accepted
    emulator.next_task(seconds=12)
    with serving("fastapi", emulator, tmp_path) as service, browser.new_context() as context:
        page = context.new_page()
        page.goto(service.url)
        order(page)
        page.wait_for_function("document.querySelector('output').value === 'changed'")
        service.stop()
        with serving("fastapi", emulator, tmp_path, port=service.port):
            wait_until_it_plays(page)
    assert emulator.creates.accepted == before + 1


def _fill(service: Service) -> None:
    def order_each_tenth(first: int) -> None:
        for place in range(first, IN_FLIGHT, 10):
            assert service.ask("/clips", {"key": f"clip {place}", "prompt": f"cat {place}"}).status == 202

    threads = [threading.Thread(target=order_each_tenth, args=[first]) for first in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
