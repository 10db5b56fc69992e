"""Runway's own API: its own SDK believes the emulator, and so does ours."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from runwayml import APIStatusError, AsyncRunwayML, BadRequestError, NotFoundError
from runwayml.lib import polling

from cometrunway import ImageToVideo, Request, Session, SoundEffect, TextToImage, TextToVideo, VideoToAudio, errors
from cometrunway._requests._all_routes import OFFICIAL
from cometrunway.emulator import Emulator, Fault
from tests.samples import CAT, CLIP

SONG = "https://example.com/song.mp3"
PRESET = {"type": "runway-preset", "preset_id": "Maya"}
ALL_ROUTES: dict[str, dict[str, Any]] = {
    "image_to_video": {"model": "gen4_turbo", "prompt_image": CAT, "ratio": "1280:720"},
    "text_to_video": {"model": "gen4.5", "prompt_text": "a", "ratio": "1280:720", "duration": 5},
    "video_to_video": {"model": "aleph2", "video_uri": CLIP, "prompt_text": "a"},
    "text_to_image": {"model": "gen4_image", "prompt_text": "a", "ratio": "1280:720"},
    "character_performance": {
        "model": "act_two",
        "character": {"type": "image", "uri": CAT},
        "reference": {"type": "video", "uri": CLIP},
    },
    "video_upscale": {"model": "magnific_video_upscaler_creative", "video_uri": CLIP},
    "image_upscale": {"model": "magnific_precision_upscaler_v2", "image_uri": CAT},
    "avatar_videos": {
        "model": "gwm1_avatars",
        "avatar": {"type": "runway-preset", "preset_id": "cat-character"},
        "speech": {"type": "audio", "audio": SONG},
    },
    "text_to_speech": {"model": "eleven_multilingual_v2", "prompt_text": "a", "voice": PRESET},
    "sound_effect": {"model": "eleven_text_to_sound_v2", "prompt_text": "a"},
    "speech_to_speech": {
        "model": "eleven_multilingual_sts_v2",
        "media": {"type": "audio", "uri": SONG},
        "voice": PRESET,
    },
    "voice_dubbing": {"model": "eleven_voice_dubbing", "audio_uri": SONG, "target_lang": "de"},
    "voice_isolation": {"model": "eleven_voice_isolation", "audio_uri": SONG},
    "video_to_audio": {"model": "mirelo_sfx_2_0", "video_uri": CLIP, "duration": 5},
    "video_to_hdr": {"model": "ruby", "video_uri": CLIP},
}


@pytest.fixture
def anyio_backend() -> str:
    """The SDK brings its own ideas of time: let it have the real one."""
    return "asyncio"


@pytest.fixture
async def emulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """Run an emulator whose tasks take a twentieth of a second, and let the SDK poll about as often."""
    monkeypatch.setattr(polling, "POLL_TIME", 0.02)
    monkeypatch.setattr(polling, "POLL_JITTER", 0.01)
    async with Emulator(duration=0.05) as running:
        yield running


@pytest.fixture
async def sdk(emulator: Emulator) -> AsyncIterator[AsyncRunwayML]:
    """Point Runway's SDK at it."""
    async with AsyncRunwayML(api_key=emulator.api_key, base_url=emulator.base_url, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("cls", OFFICIAL, ids=lambda cls: cls.route)
async def test_both_sdks_do_the_same_on_each_route(
    cls: type[Request], emulator: Emulator, sdk: AsyncRunwayML, tmp_path: Path
) -> None:
    """Each creates a task, polls it to its end, and has a file of the same kind, which is whole."""
    task = await getattr(sdk, cls.route).create(**ALL_ROUTES[cls.route])
    ended = await task.wait_for_task_output()
    async with httpx.AsyncClient() as client:
        theirs = (await client.get(ended.output[0])).raise_for_status().content
    async with Session(emulator.api_key, provider="runway", base_url=emulator.base_url, output_dir=tmp_path) as runway:
        [asset] = await (await runway.submit(cls(**ALL_ROUTES[cls.route]), key="ours"))
    assert asset.path is not None
    assert asset.verified
    assert asset.path.read_bytes()[:4] == theirs[:4]
    assert emulator.creates.accepted == 2
    assert not emulator.leaked_credentials


@pytest.mark.parametrize(
    ("route", "change", "reason"),
    [
        ("image_to_video", {"model": "gen4_trubo"}, "model: expected one of gen4.5, gen4_turbo"),
        ("image_to_video", {"ratio": "1:1"}, "ratio: expected one of 1280:720"),
        ("text_to_video", {"duration": 11}, "duration: expected one of 2, 3"),
        ("text_to_video", {"prompt_text": ""}, "promptText: required"),
        ("text_to_video", {"prompt_text": "a" * 1001}, "promptText: expected 1 to 1000"),
    ],
)
async def test_what_the_api_would_refuse_is_refused(
    route: str, change: dict[str, Any], reason: str, sdk: AsyncRunwayML, emulator: Emulator
) -> None:
    """With 400, and the field's name; nothing is created."""
    with pytest.raises(BadRequestError) as refused:
        await getattr(sdk, route).create(**{**ALL_ROUTES[route], **change})
    assert reason in str(refused.value.body)
    assert not emulator.tasks


async def test_a_task_is_cancelled_and_deleted(emulator: Emulator, sdk: AsyncRunwayML) -> None:
    """A DELETE cancels what has not ended, and forgets what has."""
    task = await sdk.text_to_video.create(**{**ALL_ROUTES["text_to_video"], "prompt_text": "[stuck]"})
    await sdk.tasks.delete(task.id)
    assert (await sdk.tasks.retrieve(task.id)).status == "CANCELLED"
    await sdk.tasks.delete(task.id)
    for ask in (sdk.tasks.retrieve, sdk.tasks.delete):
        with pytest.raises(NotFoundError):
            await ask(task.id)


async def test_an_organization_has_a_balance_and_a_usage() -> None:
    """Each create takes one credit; none left refuses the next one."""
    async with Emulator(balance=1) as emulator:
        async with AsyncRunwayML(api_key=emulator.api_key, base_url=emulator.base_url, max_retries=0) as sdk:
            await sdk.text_to_video.create(**ALL_ROUTES["text_to_video"])
            assert (await sdk.organization.retrieve()).credit_balance == 0
            usage = await sdk.organization.retrieve_usage()
            assert [(one.model, one.amount) for one in usage.results[0].used_credits] == [("gen4.5", 1)]
            with pytest.raises(APIStatusError, match="not have enough credits"):
                await sdk.text_to_video.create(**ALL_ROUTES["text_to_video"])


async def test_several_files_come_in_their_order(emulator: Emulator, tmp_path: Path) -> None:
    """Images and sounds, as many as were asked for, numbered as the API lists them."""
    images = TextToImage(model="gpt_image_2", prompt_text="a", ratio="auto", output_count=3)
    sounds = VideoToAudio(video_uri=CLIP, duration=5, num_variants=2, format="wav")
    async with Session(emulator.api_key, provider="runway", base_url=emulator.base_url, output_dir=tmp_path) as runway:
        for request, suffix in ((images, ".png"), (sounds, ".wav")):
            handle = await runway.submit(request, key=suffix[1:])
            assets = await handle
            count = emulator.tasks[handle.id].file_count
            names = [f"output{suffix}", *(f"output-{number}{suffix}" for number in range(2, count + 1))]
            assert [asset.url.partition("?")[0].rpartition("/")[2] for asset in assets] == names
            assert len({asset.sha256 for asset in assets}) == count > 1


async def test_a_model_that_is_new_is_refused_unless_any_is_accepted(tmp_path: Path) -> None:
    """The emulator knows what the documentation has; a test of what comes next says so."""
    new = {
        "cometapi": ImageToVideo(prompt_image=CAT, model="gen5"),
        "runway": TextToVideo(model="gen5", prompt_text="a"),
    }
    for any_model in (False, True):
        async with Emulator(duration=0.05, any_model=any_model, not_exist_seconds=0) as emulator:
            for provider, request in new.items():
                key, base_url = emulator.api_key, emulator.base_url
                async with Session(key, provider=provider, base_url=base_url, output_dir=tmp_path) as runway:
                    with pytest.warns(errors.UnknownValueWarning):
                        [outcome] = await asyncio.gather(runway.submit(request), return_exceptions=True)
                assert isinstance(outcome, errors.APIError) is not any_model
        assert len(emulator.tasks) == 2 * any_model


SOUNDS = {
    None: (".mp3", "audio/mpeg"),
    "mp3": (".mp3", "audio/mpeg"),
    "wav": (".wav", "audio/wav"),
    "ogg_opus": (".ogg", "audio/ogg"),
}


@pytest.mark.parametrize(("form", "found"), SOUNDS.items(), ids=map(str, SOUNDS))
async def test_the_sound_of_a_model_is_whole(
    emulator: Emulator, tmp_path: Path, form: str | None, found: tuple[str, str]
) -> None:
    """In each form that can be asked for; kept with its suffix and checked to its end: one that was cut comes again."""
    suffix, media_type = found
    emulator.script("asset", Fault.short(0.9))
    async with Session(emulator.api_key, provider="runway", base_url=emulator.base_url, output_dir=tmp_path) as runway:
        request = SoundEffect(model="seed_audio", prompt_text="a door", output_format=form)
        [asset] = await (await runway.submit(request, key="door"))
    assert (asset.path, asset.media_type, asset.verified) == (tmp_path / f"door{suffix}", media_type, True)
    assert len(emulator.requests_of("asset")) == 2
