"""What a reader of a written gallery waits for in Chromium, by the number of shots: milliseconds.

COMETRUNWAY_BROWSER names the browser. Every shot that has ended has a video of its own name, all of them the same.
`card` and `poster` count from the start of the navigation; `first_search` loads what it looks through.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cometrunway.emulator._clip import video
from tests.benchmarks import million

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZES = [1_000, 10_000, 100_000]
_MOST_LINKS = 10_000
"""To one file: file systems have a limit."""
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_APPEARED = """async (selector) => {
    while (!document.querySelector(selector)) await new Promise(requestAnimationFrame);
    return performance.now();
}"""
_SCROLLED = """async () => {
    const gaps = [];
    let before = await new Promise(requestAnimationFrame);
    for (let step = 0; step < 300; step += 1) {
        scrollBy(0, 150);
        const now = await new Promise(requestAnimationFrame);
        gaps.push(now - before);
        before = now;
    }
    gaps.sort((a, b) => a - b);
    return [gaps[150], gaps[285]];
}"""
_CHOSEN = """async ([id, type, value]) => {
    const begun = performance.now();
    const control = document.getElementById(id);
    control.value = value;
    control.dispatchEvent(new Event(type));
    const grid = document.querySelector("#grid");
    const isLoading = () => grid.ariaBusy === "true" || grid.querySelector("[aria-busy]");
    do await new Promise(requestAnimationFrame); while (isLoading());
    return performance.now() - begun;
}"""


def measure(*, runs: int, sizes: Iterable[int] = SIZES) -> list[dict[str, Any]]:
    """Return what a reader waits for with each number of shots, run after run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        executable = os.environ["COMETRUNWAY_BROWSER"]
        with playwright.chromium.launch(executable_path=executable, args=list(_OPTIONS)) as browser:
            return [row for shots in sizes for row in _with_a_gallery_of(shots, runs, browser)]


def _with_a_gallery_of(shots: int, runs: int, browser: "Browser") -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ThreadPoolExecutor(1) as thread:  # this one has a loop of playwright's
            thread.submit(asyncio.run, million.made(folder / "shots.db", shots)).result()
        _write_videos(folder / "out", shots)
        million.one("gallery", folder / "shots.db")
        for _ in range(runs):
            yield {"shots": shots, **_read((folder / "gallery.html").as_uri(), browser)}


def _write_videos(folder: Path, shots: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(1, shots + 1):
        original = folder / f"video-{number // _MOST_LINKS}"
        if not original.exists():
            original.write_bytes(video((16, 9), tint=1, mark="benchmark").content)
        os.link(original, folder / f"shot-{number:07}.mp4")


def _read(url: str, browser: "Browser") -> dict[str, float]:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(url, wait_until="commit")
        card, poster = (page.evaluate(_APPEARED, selector) for selector in ("#grid .key", "#grid .is-drawn"))
        frame, slow_frame = page.evaluate(_SCROLLED)
        first, following = (page.evaluate(_CHOSEN, ["search", "input", text]) for text in ("failed 00777", "00776"))
        page.evaluate(_CHOSEN, ["search", "input", ""])
        return {
            "card": card,
            "poster": poster,
            "frame": frame,
            "slow_frame": slow_frame,
            "first_search": first,
            "next_search": following,
            "sort": page.evaluate(_CHOSEN, ["sort", "change", "key"]),
        }


if __name__ == "__main__":
    for row in measure(runs=1, sizes=list(map(int, sys.argv[1:])) or SIZES):
        print(row, flush=True)
