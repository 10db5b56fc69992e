"""The pictures of docs/: a batch on a real terminal, and the gallery of the demo in a real browser.

`nox -s pictures` makes them anew. They differ a little each time, because both run in real time.
"""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pyte  # type: ignore[import-not-found,unused-ignore]  # only the session of the pictures has it
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.browser.conftest import OPTIONS
from tests.documentation.markdown import DOCS

TERMINAL, GALLERY = DOCS / "terminal.svg", DOCS / "gallery.png"
COLUMNS, LINES = 116, 18
PROMPTS = {
    "boat-drifts": "the boat drifts to the left, slowly",
    "boat-burns": "[fail SAFETY.INPUT.TEXT] the boat burns",
    "cat-yawns": "the cat yawns",
    "city-in-fog": "a city in fog, at dawn",
    "lantern": "a paper lantern rises",
    "train-arrives": "a train arrives; steam",
    "violin": "hands on a violin, close",
    "whale": "a whale breaks the surface",
}
COMMAND = "cometrunway run shots.jsonl --journal shots.db --emulator"
_COLOURS = {"default": "default", "brown": "yellow", "brightblack": "bright_black"}
"""What pyte calls a colour, and rich otherwise."""
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
"""That of rich, without fonts from elsewhere."""


def main() -> None:
    """Run a batch for the one picture, and the demo for the other."""
    with TemporaryDirectory() as folder:
        shots = ({"key": key, "route": "pro_generate", "prompt": prompt} for key, prompt in PROMPTS.items())
        Path(folder, "shots.jsonl").write_text("\n".join(map(json.dumps, shots)))
        TERMINAL.write_text(drawn(shown_by_a_terminal(folder)))
        subprocess.run([sys.executable, "-m", "cometrunway", "demo"], cwd=folder, check=True)
        photograph(Path(folder, "outputs", "gallery.html"))


def shown_by_a_terminal(folder: str) -> Text:
    """Run the batch on a terminal of its own; return what that shows at the end."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    stream.feed(f"$ {COMMAND}\r\n".encode())
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ |= {"TERM": "xterm-256color"}
        time.sleep(1)  # until the terminal has its size
        os.execv(sys.executable, [sys.executable, "-m", *COMMAND.split()])  # noqa: S606 - our own command
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    while output := _read(terminal):
        stream.feed(output)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 1, "one shot fails"
    return _text(screen)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the process has ended
        return b""


def _text(screen: pyte.Screen) -> Text:
    lines = []
    for number in range(LINES):
        cells = [screen.buffer[number][column] for column in range(COLUMNS)]
        runs = groupby(cells, lambda cell: Style(color=_colour(cell.fg), bold=cell.bold))
        line = Text.assemble(*(("".join(cell.data for cell in run), style) for style, run in runs))
        line.rstrip()
        lines.append(line)
    return Text("\n").join(lines)


def _colour(name: str) -> str:
    is_hexadecimal = re.fullmatch("[0-9a-f]{6}", name) is not None
    return f"#{name}" if is_hexadecimal else _COLOURS.get(name, name)


def drawn(text: Text) -> str:
    """Return what a terminal shows as SVG."""
    text.rstrip()
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(text, crop=False)
    return console.export_svg(title="", code_format=_FORMAT, unique_id="terminal")


def photograph(page_file: Path) -> None:
    """Take a picture of the gallery."""
    with sync_playwright() as playwright:
        executable = os.environ["COMETRUNWAY_BROWSER"]
        with playwright.chromium.launch(executable_path=executable, args=list(OPTIONS)) as browser:
            page = browser.new_page(viewport={"width": 1360, "height": 760}, color_scheme="light")
            page.goto(page_file.as_uri())
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(2000)  # for the posters, which are frames of videos
            page.screenshot(path=GALLERY)


if __name__ == "__main__":
    main()
