"""The command `gallery`."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from cometrunway._cli._commands import Commands, add_command, journal, path, whole
from cometrunway._gallery._page import write_page
from cometrunway._gallery._server import GalleryServer
from cometrunway._gallery._source import Source
from cometrunway._gallery._sources import source_of
from cometrunway._plurals import counted
from cometrunway._terminal import say, say_if_possible

_OUTPUT = Path("gallery.html")


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command."""
    gallery = add_command(
        commands,
        "gallery",
        _gallery,
        summary="make a page of a batch, or serve it live while the batch runs",
        details="Write an HTML page with the request and the outcome of every shot. It needs only a browser and the "
        "files. It links to the files, so move it together with them. With more than 500 shots their data are in the "
        "folder FILE-data beside the page, which belongs to it.",
        example="cometrunway gallery shots.db\n  cometrunway gallery shots.db --serve",
    )
    gallery.add_argument("source", type=journal, metavar="DIR|JOURNAL", help="a folder of media files, or a journal")
    gallery.add_argument("-o", "--output", type=path, metavar="FILE", help=f"the page; default: {_OUTPUT}")
    gallery.add_argument(
        "--serve", action="store_true", help="write nothing; serve the page to this machine's browsers until Ctrl-C"
    )
    gallery.add_argument(
        "--port", type=whole(1, 65535), metavar="PORT", help="the port of --serve; default: any free one"
    )


def _gallery(options: argparse.Namespace) -> int:
    if options.serve and options.output:
        raise ValueError("--serve writes no file: leave -o out")
    if options.port is not None and not options.serve:
        raise ValueError("--port is for --serve")
    source = source_of(options.source)
    if options.serve:
        with suppress(KeyboardInterrupt):  # Windows: there Ctrl-C cannot be handled by the loop
            asyncio.run(_serve(source, options.port or 0))
        return 0
    output = options.output or _OUTPUT
    shots = write_page(source, output)
    say_if_possible(f"{counted(shots, 'shot')}: {output.absolute().as_uri()}")
    return 0


async def _serve(source: Source, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with GalleryServer(source, port=port) as server:
        say(server.url)
        say("anyone who has this URL can see the gallery; Ctrl-C ends it", sys.stderr)
        await stopped.wait()
