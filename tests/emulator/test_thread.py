"""The emulator in a thread: for programs and tests that have no event loop."""

import json
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from cometrunway.emulator import Emulator, Fault


def post(emulator: Emulator) -> int:
    """Create a task as a program without asyncio does; returns the status."""
    connection = HTTPConnection(urlsplit(emulator.base_url).netloc, timeout=10)
    headers = {"Content-Type": "application/json", "X-Runway-Version": "2024-11-06"}
    body = json.dumps({"videoUri": "https://example.com/cat.mp4", "model": "upscale_v1"})
    with closing(connection):
        authorized = {"Authorization": f"Bearer {emulator.api_key}", **headers}
        connection.request("POST", "/runwayml/v1/video_upscale", body, authorized)
        return connection.getresponse().status


def test_synchronous_code_runs_and_controls_an_emulator() -> None:
    """Inside of the block it answers and obeys; after it nothing listens any more, and what it remembers stays."""
    with Emulator.in_thread(duration=0) as emulator:
        emulator.script("create", Fault.rate_limited())
        assert [post(emulator), post(emulator)] == [429, 200]
        emulator.next_task(fails="INTERNAL")
        assert post(emulator) == 200
    assert [task.outcome for task in emulator.tasks.values()] == ["SUCCEEDED", "FAILED"]
    with pytest.raises(OSError, match="refused"):
        post(emulator)


def test_what_prevents_its_start_is_raised_in_the_caller() -> None:
    """A wrong option and a port that is taken are errors of the block's own first line."""
    with pytest.raises(ValueError, match="speed"):
        Emulator.in_thread(speed=0)
    with Emulator.in_thread() as emulator:
        port = int(emulator.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Emulator.in_thread(port=port).__enter__()


def test_an_error_of_the_block_leaves_it_and_ends_the_thread() -> None:
    """The block adds nothing to an error, and hides none."""
    with pytest.raises(KeyError, match="mine"), Emulator.in_thread() as emulator:
        raise KeyError("mine")
    with pytest.raises(OSError, match="refused"):
        post(emulator)
