"""A client of another project works with the emulator: Runway's own SDK."""

from collections.abc import AsyncIterator

import httpx
import pytest
from runwayml import AsyncRunwayML
from runwayml.lib import polling

from cometrunway.emulator import Emulator


@pytest.fixture
def anyio_backend() -> str:
    """The SDK brings its own ideas of time: let it have the real one."""
    return "asyncio"


@pytest.fixture
async def emulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """Run an emulator whose tasks take a twentieth of a second, and let the SDK poll about as often."""
    monkeypatch.setattr(polling, "POLL_TIME", 0.02)
    monkeypatch.setattr(polling, "POLL_JITTER", 0.01)
    async with Emulator(duration=0.05, not_exist_seconds=0) as running:
        yield running


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncRunwayML]:
    """Point the SDK at it."""
    async with AsyncRunwayML(api_key=emulator.api_key, base_url=f"{emulator.base_url}/runwayml") as sdk:
        yield sdk


async def download(url: str) -> bytes:
    """Fetch an output with the SDK's own HTTP library."""
    async with httpx.AsyncClient() as http:
        return (await http.get(url)).raise_for_status().content


async def test_a_video(client: AsyncRunwayML) -> None:
    """The SDK creates a video task, waits for it with its own poller, and its output is an MP4."""
    task = await client.image_to_video.create(
        model="gen4_turbo",
        prompt_image="https://example.com/cat.jpg",
        prompt_text="a cat",
        ratio="1280:720",
        duration=5,
    )
    ended = await task.wait_for_task_output()
    assert ended.status == "SUCCEEDED"
    assert (await download(ended.output[0]))[4:8] == b"ftyp"


async def test_a_picture(client: AsyncRunwayML) -> None:
    """The same for a picture."""
    task = await client.text_to_image.create(
        model="gen4_image",
        prompt_text="a cat",
        ratio="1024:1024",
        reference_images=[{"uri": "https://example.com/cat.jpg", "tag": "cat"}],
    )
    ended = await task.wait_for_task_output()
    assert ended.status == "SUCCEEDED"
    assert (await download(ended.output[0])).startswith(b"\x89PNG")


async def test_a_failure(client: AsyncRunwayML) -> None:
    """A failed task is a failed task to the SDK too, with its code."""
    task = await client.image_to_video.create(
        model="gen4_turbo",
        prompt_image="https://example.com/cat.jpg",
        prompt_text="[fail SAFETY.INPUT.TEXT]",
        ratio="1280:720",
    )
    with pytest.raises(polling.TaskFailedError) as failed:
        await task.wait_for_task_output()
    assert failed.value.task_details.status == "FAILED"
    assert failed.value.task_details.to_dict()["failureCode"] == "SAFETY.INPUT.TEXT"
