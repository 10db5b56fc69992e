"""The live page: a real batch in one process, its gallery in another, and a browser that watches."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: nox --session browser")
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenPage, until
from tests.recorded import record_now
from tests.served import started

SHOTS = 12
PATIENCE = 60_000.0


def first_line(process: "subprocess.Popen[str]") -> str:
    """Return the line with which a server says that it is ready."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An emulator in a process of its own; yields the environment that points at it."""
    with started("emulator", "--uniform", "3", "9", "--not-exist", "0.2", folder=tmp_path) as server:
        ready = json.loads(first_line(server))
        yield {"COMETRUNWAY_BASE_URL": ready["base_url"], "COMETAPI_KEY": ready["api_key"]}


def write_shots(folder: Path) -> None:
    """Write a batch file, one of whose shots fails."""
    prompts = ["[fail INTERNAL.BAD_OUTPUT] a storm", *(f"cat {number}" for number in range(1, SHOTS))]
    lines = [
        json.dumps(
            {
                "route": "image_to_video",
                "key": f"s{number:02}",
                "promptText": prompt,
                "promptImage": "https://example.com/cat.jpg",
            }
        )
        for number, prompt in enumerate(prompts)
    ]
    (folder / "shots.jsonl").write_text("\n".join(lines))


def test_the_page_follows_a_running_batch_to_its_end(api: dict[str, str], tmp_path: Path, show: OpenPage) -> None:
    """Without being loaded again it shows shots that run, then their videos, the failed one's reason, and the end."""
    write_shots(tmp_path)
    record_now(tmp_path / "shots.db", [])
    with started("gallery", "shots.db", "--serve", folder=tmp_path) as server:
        page = show(first_line(server))
        page.evaluate("window.isSamePage = true")
        expect(page.locator("#live")).to_have_text("Waiting")
        expect(page.locator("#empty")).to_contain_text("They appear here as they are submitted")
        with started("run", "shots.jsonl", "--journal", "shots.db", folder=tmp_path, **api) as run:
            expect(page.locator("#live")).to_have_text("Live", timeout=PATIENCE)
            expect(page.locator("#summary")).to_have_text(f"{SHOTS} shots", timeout=PATIENCE)
            expect(page.locator('#grid a[data-status="owed"] .status').first).to_have_text("Running")
            expect(page.locator('#grid a[data-status="owed"] .clock').first).to_have_text("0:02", timeout=PATIENCE)
            expect(page.locator("#live")).to_have_text("Finished", timeout=PATIENCE)
            assert run.wait(10) == 1
        expect(page.locator('.chip[data-status="delivered"] .number')).to_have_text(str(SHOTS - 1))
        expect(page.locator('#grid a[data-status="failed"] .why')).to_contain_text("[INTERNAL.BAD_OUTPUT]")
        page.click('#grid a[aria-label^="cat 3,"]')
        until(page, "document.querySelector('#viewer video').currentTime > 0.2")
        assert page.evaluate("window.isSamePage")


def test_a_batch_that_was_killed_is_not_running(api: dict[str, str], tmp_path: Path, show: OpenPage) -> None:
    """When its process dies the page says so, though no file changed."""
    write_shots(tmp_path)
    record_now(tmp_path / "shots.db", [])
    with started("gallery", "shots.db", "--serve", folder=tmp_path) as server:
        page = show(first_line(server))
        with started("run", "shots.jsonl", "--journal", "shots.db", folder=tmp_path, **api) as run:
            expect(page.locator("#summary")).to_have_text(f"{SHOTS} shots", timeout=PATIENCE)
            run.kill()
            run.wait(10)
        expect(page.locator("#live")).to_have_text("Stopped", timeout=PATIENCE)
        expect(page.locator("#chips")).to_contain_text("Owed")


def test_the_server_ends_while_a_browser_is_connected(tmp_path: Path, browser: Browser) -> None:
    """Ctrl-C ends it with status 0 and no traceback within three seconds; the page says that it lost it."""
    record_now(tmp_path / "shots.db", [])
    with started("gallery", "shots.db", "--serve", folder=tmp_path) as server:
        with browser.new_context() as context:  # not watched: that it complains of the lost connection is right
            page = context.new_page()
            page.goto(first_line(server))
            expect(page.locator("#live")).to_have_text("Waiting")
            server.send_signal(signal.SIGINT)
            _, noise = server.communicate(timeout=3)
            assert (server.returncode, noise.count("Traceback")) == (0, 0)
            expect(page.locator("#live")).to_have_text("Connection lost")
