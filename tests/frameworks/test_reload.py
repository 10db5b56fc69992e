"""A server that its developer's reloader starts anew."""

import math
import time
from pathlib import Path

from cometrunway.emulator import Emulator
from tests.frameworks.servers import Service, serving

APP = """
import os
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from cometrunway import ImageToVideo, Session

session = Session(journal="clips.db", output_dir=None, close_wait=0, journal_wait=30)


@asynccontextmanager
async def lifespan(app):
    async with session:
        await session.resume()
        yield


async def submit(request):
    wanted = await request.json()
    await session.submit(ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=wanted["prompt"]))
    return JSONResponse({})


async def health(request):
    return JSONResponse({"pid": os.getpid(), "in_flight": len(session.owed)})


app = Starlette(routes=[Route("/clips", submit, methods=["POST"]), Route("/health", health)], lifespan=lifespan)
"""
IN_FLIGHT = 50


def test_a_reload_takes_up_what_is_in_flight(tmp_path: Path) -> None:
    """`uvicorn --reload`: at each change of the program the next process waits for the journal, and buys nothing."""
    program = tmp_path / "reloaded.py"
    program.write_text(APP)
    with (
        Emulator.in_thread(duration=math.inf, not_exist_seconds=0) as emulator,
        serving("reloaded", emulator, tmp_path, UVICORN_RELOAD="1") as service,
    ):
        for number in range(IN_FLIGHT):
            assert service.ask("/clips", {"prompt": f"the cat yawns {number} times"}).status == 200
        for number in range(3):
            before = service.ask("/health").json
            assert before["in_flight"] == IN_FLIGHT
            program.write_text(f"{APP}\n# change {number}\n")
            _wait_for_another_process(service, before["pid"])
        assert service.ask("/health").json["in_flight"] == IN_FLIGHT
        assert emulator.creates.received == IN_FLIGHT
    assert "Traceback" not in service.log.read_text()


def _wait_for_another_process(service: Service, pid: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            if service.ask("/health").json["pid"] != pid:
                return
        except OSError:
            pass  # one has ended, and the next is about to begin
        assert time.monotonic() < until, service.log.read_text()
        time.sleep(0.1)
