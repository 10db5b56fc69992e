"""The emulator as a server: it runs once. Other tests speak plain HTTP to it with the `Caller` that is here."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from cometrunway.emulator import Emulator

PAYLOADS = Path(__file__).parent.parent / "payloads"
URI = "https://example.com/cat.jpg"
BODIES: Mapping[str, Mapping[str, Any]] = {
    "image_to_video": {"model": "gen4_turbo", "promptImage": URI, "promptText": "a cat"},
    "text_to_image": {
        "model": "gen4_image",
        "promptText": "a cat",
        "ratio": "1024:1024",
        "referenceImages": [{"uri": URI}],
    },
    "video_to_video": {"model": "gen4_aleph", "videoUri": URI, "promptText": "a cat", "ratio": "1280:720"},
    "video_upscale": {"model": "upscale_v1", "videoUri": URI},
    "character_performance": {
        "model": "act_two",
        "character": {"type": "image", "uri": URI},
        "reference": {"type": "video", "uri": URI},
    },
    "generate": {"model": "gen4", "prompt": "a cat", "callback_url": URI},
    "video2video": {"model": "gen4", "prompt": "a cat", "video": URI, "callback_url": URI, "options": {"seconds": 5}},
    "act_one": {"video": URI, "image": URI, "callback_url": URI},
}


def payload(name: str) -> Any:
    """Return a documented body."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def path_of(route: str) -> str:
    """Return the path of a creation route."""
    return f"/runway/pro/{route}" if route in {"generate", "video2video", "act_one"} else f"/runwayml/v1/{route}"


@frozen
class Caller:
    """Speaks plain HTTP to an emulator."""

    emulator: Emulator
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Send a request with the right key; returns the status and the parsed body."""
        defaults = {"Authorization": f"Bearer {self.emulator.api_key}", "X-Runway-Version": "2024-11-06"}
        sent = {name: value for name, value in (defaults | headers).items() if value}
        options: dict[str, Any] = {"headers": sent, "allow_redirects": False}
        async with self.http.request(method, self.emulator.base_url + path, json=body, **options) as response:
            text = await response.text()
            return response.status, json.loads(text) if "json" in response.content_type else text

    async def create(self, route: str = "image_to_video", **changes: object) -> str:
        """Create a task; returns its id."""
        status, body = await self.call("POST", path_of(route), {**BODIES[route], **changes})
        assert status == 200, body
        return list(self.emulator.tasks)[-1]

    async def poll(self, task_id: str) -> Any:
        """Return what GET says of a task."""
        status, body = await self.call("GET", f"/runwayml/v1/tasks/{task_id}")
        assert status == 200, body
        return body

    async def feed(self, task_id: str) -> Any:
        """Return what the feed says of a task."""
        status, body = await self.call("POST", "/runway/feed", {"task_id": task_id})
        assert status == 200, body
        return body


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Caller]:
    """Run an emulator whose tasks are known at once and take ten seconds, unless told otherwise."""
    emulator = Emulator(**{"duration": 10, "not_exist_seconds": 0, **options})
    async with emulator, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Caller(emulator, http)


def test_an_emulator_that_does_not_run_has_no_url() -> None:
    """Asking for a URL outside of the block says what to do."""
    with pytest.raises(RuntimeError, match="async with"):
        _ = Emulator().base_url


async def test_a_port_that_is_taken() -> None:
    """An emulator that cannot listen says so, and leaves nothing behind that listens."""
    async with running() as caller:
        port = int(caller.emulator.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match=str(port)):
            await Emulator(port=port).__aenter__()


async def test_an_emulator_runs_once() -> None:
    """Entering the block again is refused, for its books are those of one run."""
    async with running() as caller:
        pass
    with pytest.raises(RuntimeError, match="another"):
        await caller.emulator.__aenter__()


def members(value: object) -> set[str]:
    """Return the paths of all members of a JSON value."""
    if not isinstance(value, dict):
        return set()
    return set(value) | {f"{name}.{inner}" for name, member in value.items() for inner in members(member)}
