"""From a task that has ended to its files."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cometrunway import (
    Event,
    EventKind,
    Journal,
    RetryPolicy,
    errors,
)
from cometrunway.emulator import Emulator, Fault
from tests.hosts import answer, clip, host
from tests.samples import yawn


async def test_a_file_is_named_after_its_key_or_its_task(session: Any, tmp_path: Path) -> None:
    """The name comes from the key, else from the task's id, and never from the URL."""
    async with Emulator() as emulator, session(emulator) as runway:
        keyed = await runway.submit(yawn(1), key="shot 1/final")
        bare = await runway.submit(yawn(2))
        [first], [second] = await keyed, await bare
    assert first.path.parent == second.path.parent == tmp_path / "out"
    assert first.path.name.startswith("shot 1_final-")
    assert second.path.name == f"{bare.id}.mp4"


async def test_the_path_of_a_file_is_absolute(session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same from a download, from a later session and from the journal, also if the current folder changes."""
    paths = []
    async with Emulator() as emulator:
        for _ in range(2):
            monkeypatch.chdir(tmp_path)
            async with session(emulator, output_dir="clips", journal="shots.db") as runway:
                monkeypatch.chdir(tmp_path.parent)
                [clip] = await (await runway.submit(yawn(), key="cat"))
            paths.append(clip.path)
    [entry] = Journal.read(tmp_path / "shots.db")
    assert [*paths, entry.assets[0].path] == [tmp_path / "clips" / "cat.mp4"] * 3


async def test_the_path_of_a_file_that_a_program_downloads_is_absolute(
    session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the one that the program gave, in the folder that was current then."""
    monkeypatch.chdir(tmp_path)
    async with Emulator() as emulator, session(emulator, output_dir=None) as runway:
        [clip] = await (await runway.submit(yawn()))
        assert (await runway.download(clip, "copy.mp4")).path == tmp_path / "copy.mp4"


async def test_one_odd_url_does_not_affect_the_others(session: Any) -> None:
    """An output whose host cannot be looked up fails its own task; creates under way and other tasks go on."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        odd = await runway.submit(yawn(0))
        body = {"id": odd.id, "status": "SUCCEEDED", "output": ["http://a..b/x.mp4"]}
        emulator.script("poll", Fault.answer(200, body))
        with pytest.raises(errors.DownloadError):
            await odd
        assert await (await runway.submit(yawn(1)))
    assert [owed.id for owed in runway.owed] == [odd.id]


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{route}/{key}", "image_to_video/a_b-c14cddc0.mp4"),
        ("{number}/{id}", "1/ID.mp4"),
        ("batch {key}", "batch a_b-c14cddc0.mp4"),
    ],
)
async def test_a_template_names_the_files(session: Any, tmp_path: Path, template: str, name: str) -> None:
    """Its fields are filled in harmlessly, and its slashes are folders."""
    async with Emulator() as emulator, session(emulator, template=template) as runway:
        handle = await runway.submit(yawn(), key="a/b")
        [asset] = await handle
    assert asset.path == tmp_path / "out" / name.replace("ID", handle.id)


async def test_a_success_without_output_is_told_apart(session: Any) -> None:
    """SUCCEEDED with no URL anywhere for a minute is a ProtocolError that carries the body."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        answer = Fault.answer(200, {"id": handle.id, "status": "SUCCEEDED", "output": []})
        emulator.script("poll", *[answer] * 50)
        with pytest.raises(errors.ProtocolError, match="no output") as caught:
            await handle
    assert b"SUCCEEDED" in caught.value.body
    assert caught.value.token == handle.token


async def test_a_slow_host_takes_nothing_from_the_time_for_fresh_urls(session: Any) -> None:
    """If a fresh URL expires while its host is slow to answer, the task is polled for another one."""
    async with Emulator(asset_lifetime=60.0) as emulator:
        emulator.script("asset", Fault.answer(403, b""), Fault.slow(70.0))
        async with session(emulator) as runway:
            [asset] = await (await runway.submit(yawn()))
    assert asset.path.exists()


@pytest.mark.parametrize("refreshes", [True, False])
async def test_an_expired_url_is_asked_for_afresh(session: Any, refreshes: bool) -> None:
    """When the URL has expired the task is polled again for a fresh one; if a minute brings none, that is the error."""
    async with Emulator(refresh_urls=refreshes) as emulator:

        def expire(event: Event) -> None:
            if event.kind is EventKind.ENDED:
                emulator.expire_assets()

        async with session(emulator, on_event=expire) as runway:
            outcome = (await asyncio.gather(await runway.submit(yawn()), return_exceptions=True))[0]
    assert isinstance(outcome, tuple if refreshes else errors.AssetExpiredError)
    assert len(emulator.requests_of("asset")) in ([2] if refreshes else range(6, 10))


@pytest.mark.parametrize(
    "refusal",
    [answer(status=404), answer(status=403), answer(b"<Error><Code>ExpiredRequest</Code></Error>", status=400)],
    ids=["404", "403", "400"],
)
async def test_each_try_takes_the_url_that_a_fresh_poll_names(session: Any, refusal: bytes) -> None:
    """A host that does not have the file yet, or honours a URL for seconds only, is asked with growing pauses."""
    async with Emulator(not_exist_seconds=0) as emulator, host(*[refusal] * 4, answer(clip())) as served:
        async with session(emulator) as runway:
            handle = await runway.submit(yawn())
            for number in range(6):
                output = [f"{served.url}?number={number}"]
                emulator.script("poll", Fault.answer(200, {"id": handle.id, "status": "SUCCEEDED", "output": output}))
            begun = asyncio.get_running_loop().time()
            [asset] = await handle
    assert asset.size == len(clip())
    assert [request["path"][-1] for request in served.requests] == ["0", "1", "2", "3", "4"]
    assert 7 < asyncio.get_running_loop().time() - begun < 30


async def test_polls_that_fail_meanwhile_end_nothing(session: Any) -> None:
    """The URL that is known is asked again, and what is refused in the end is the file."""
    async with Emulator(not_exist_seconds=0) as emulator, host(answer(status=404)) as served:
        async with session(emulator, retry=RetryPolicy(attempts=1)) as runway:
            handle = await runway.submit(yawn())
            body = {"id": handle.id, "status": "SUCCEEDED", "output": [served.url]}
            emulator.script("poll", Fault.answer(200, body), *[Fault.answer(401)] * 20)
            with pytest.raises(errors.AssetExpiredError, match="answered 404"):
                await handle
    assert len(served.requests) > 5
