"""The emulator's uploads: Runway's own SDK believes them, and what the API would refuse is refused."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from runwayml import APIStatusError, AsyncRunwayML, BadRequestError, RunwayML

from cometrunway import PollPolicy, Session, VideoToVideo
from cometrunway.emulator import Emulator, Fault
from cometrunway.emulator._exchange import Answer, FormFile, Received
from cometrunway.emulator._ledger import Ledger
from cometrunway.emulator._uploads import Uploads
from tests.samples import MP4

FILM = MP4 + bytes(2_000)
EDIT: dict[str, Any] = {"model": "aleph2", "prompt_text": "snow"}


@pytest.fixture
def anyio_backend() -> str:
    """The SDK brings its own ideas of time: let it have the real one."""
    return "asyncio"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Run an emulator."""
    async with Emulator(duration=0.05) as running:
        yield running


@pytest.fixture
async def sdk(emulator: Emulator) -> AsyncIterator[AsyncRunwayML]:
    """Point Runway's SDK at it."""
    async with AsyncRunwayML(api_key=emulator.api_key, base_url=emulator.base_url, max_retries=0) as made:
        yield made


async def test_the_sdk_uploads_and_uses_a_file(emulator: Emulator, sdk: AsyncRunwayML, tmp_path: Path) -> None:
    """The file arrives whole at another origin, which sees no key, and its URI stands in creates."""
    path = tmp_path / "film.mp4"
    path.write_bytes(FILM)
    uploaded = await sdk.uploads.create_ephemeral(file=path)
    for _ in range(2):
        await sdk.video_to_video.create(**EDIT, video_uri=uploaded.uri)
    [upload] = emulator.uploads
    assert (upload.uri, upload.filename, upload.size) == (uploaded.uri, "film.mp4", len(FILM))
    assert upload.media_type == "video/mp4"
    assert emulator.creates.accepted == 2
    assert not emulator.leaked_credentials
    assert emulator.storage_url not in {emulator.base_url, emulator.asset_url}


async def test_both_sdks_send_the_same_for_an_upload(emulator: Emulator, sdk: AsyncRunwayML, tmp_path: Path) -> None:
    """The announcement and the create: path, version and body, but for the URI, which is each upload's own."""
    path = tmp_path / "film.mp4"
    path.write_bytes(MP4 + bytes(3_800_000))
    uploaded = await sdk.uploads.create_ephemeral(file=path)
    await sdk.video_to_video.create(**EDIT, video_uri=uploaded.uri)
    poll = PollPolicy(rule="fixed", first=0.1, floor=0.1)
    options: dict[str, Any] = {"base_url": emulator.base_url, "output_dir": None, "poll": poll}
    async with Session(emulator.api_key, provider="runway", **options) as runway:
        await (await runway.submit(VideoToVideo(**EDIT, video_uri=path, ratio=None))).wait()
    first, second = emulator.uploads
    theirs, ours = [dict(task.body) for task in emulator.tasks.values()]
    assert (theirs.pop("videoUri"), ours.pop("videoUri")) == (first.uri, second.uri)
    assert ours == theirs
    assert first.sha256 == second.sha256
    for operation in ("upload", "create"):
        sent = [(entry.path, entry.headers["x-runway-version"]) for entry in emulator.requests_of(operation)]
        assert sent[0] == sent[1]
    announced = [request.json for request in emulator.requests_of("upload")]
    assert announced == [{"filename": "film.mp4", "type": "ephemeral"}] * 2


def test_the_synchronous_sdk_uploads_a_file() -> None:
    """Likewise."""
    with Emulator.in_thread() as emulator, RunwayML(api_key=emulator.api_key, base_url=emulator.base_url) as sdk:
        uploaded = sdk.uploads.create_ephemeral(file=("film.mp4", FILM))
        assert [upload.uri for upload in emulator.uploads if upload.stored_at is not None] == [uploaded.uri]


async def test_a_uri_that_is_unknown_or_has_expired_is_refused(emulator: Emulator, sdk: AsyncRunwayML) -> None:
    """And so is one of a file that was announced and never sent; nothing is created."""
    announced = await sdk.post("/v1/uploads", cast_to=object, body={"filename": "a.mp4", "type": "ephemeral"})
    uploaded = await sdk.uploads.create_ephemeral(file=("film.mp4", FILM))
    emulator.expire_uploads()
    for uri in ("runway://nobody", announced["runwayUri"], uploaded.uri):  # type: ignore[index]  # it is JSON
        with pytest.raises(BadRequestError, match="does not exist, or its URI has expired"):
            await sdk.video_to_video.create(**EDIT, video_uri=uri)
    assert not emulator.tasks


async def test_a_file_that_is_too_small_is_refused(sdk: AsyncRunwayML) -> None:
    """By the storage, as Amazon S3 words it."""
    with pytest.raises(APIStatusError, match="400") as refused:
        await sdk.uploads.create_ephemeral(file=("film.mp4", FILM[:511]))
    assert "EntityTooSmall" in str(refused.value.body)


def test_no_two_emulators_give_the_same_uris() -> None:
    """Not even with the same seed, unless `repeat_ids` is true."""

    def first_uri(**options: bool) -> str:
        with Emulator.in_thread(seed=7, **options) as emulator:
            with RunwayML(api_key=emulator.api_key, base_url=emulator.base_url) as sdk:
                return sdk.uploads.create_ephemeral(file=("film.mp4", FILM)).uri

    assert first_uri() != first_uri()
    assert first_uri(repeat_ids=True) == first_uri(repeat_ids=True)


@pytest.mark.parametrize(("size", "status"), [(511, 400), (512, 204), (200_000_000, 204), (200_000_001, 400)])
def test_a_file_has_512_bytes_to_200_mb(size: int, status: int) -> None:
    """Both included."""
    ledger = Ledger(log_limit=1, api_key="sk-x")
    uploads = Uploads(rng=Random(7), id_mask=0, lifetime=60, ledger=ledger)
    uploads.storage_url = "http://127.0.0.1:1"
    announced = uploads.announce({"filename": "a.mp4", "type": "ephemeral"})
    assert isinstance(announced, Answer)
    file = FormFile(name="a.mp4", media_type="video/mp4", size=size, sha256="0" * 64)
    received = Received(method="POST", path="/", form=json.loads(announced.body)["fields"], file=file)
    assert uploads.store(received, now=5.0).status == status
    [upload] = ledger.uploads.values()
    assert [upload.is_good(now) for now in (5.0, 64.9, 65.0)] == [status == 204, status == 204, False]


async def test_a_form_that_is_not_the_apis_is_refused(emulator: Emulator, sdk: AsyncRunwayML) -> None:
    """Another signature, a field too few, no file, another method."""
    target: Any = await sdk.post("/v1/uploads", cast_to=object, body={"filename": "a.mp4", "type": "ephemeral"})
    file = {"file": ("a.mp4", FILM)}
    async with httpx.AsyncClient() as client:
        fields = target["fields"]
        wrong = {**fields, "x-amz-signature": "0" * 64}
        assert (await client.post(target["uploadUrl"], data=wrong, files=file)).status_code == 403
        assert (await client.post(target["uploadUrl"], data={"key": fields["key"]}, files=file)).status_code == 403
        no_file = {"a": (None, b"x")}
        assert (await client.post(target["uploadUrl"], data=fields, files=no_file)).status_code == 400
        assert (await client.get(target["uploadUrl"])).status_code == 405
        fields["token"] = emulator.api_key
        await client.post(target["uploadUrl"], data=fields, files=file)
    assert [leak.where for leak in emulator.leaked_credentials] == ["form"]


@pytest.mark.parametrize("body", [{}, {"filename": "a.mp4"}, {"filename": "", "type": "ephemeral"}, {"filename": 5}])
async def test_an_announcement_is_judged(body: dict[str, Any], sdk: AsyncRunwayML) -> None:
    """A name and the type `ephemeral`."""
    with pytest.raises(BadRequestError):
        await sdk.post("/v1/uploads", cast_to=object, body=body)


async def test_both_steps_meet_faults(emulator: Emulator, sdk: AsyncRunwayML) -> None:
    """By their operations `upload` and `storage`."""
    emulator.script("upload", Fault.answer(500))
    emulator.script("storage", Fault.answer(503))
    for _ in range(2):
        with pytest.raises(APIStatusError):
            await sdk.uploads.create_ephemeral(file=("film.mp4", FILM))
    await sdk.uploads.create_ephemeral(file=("film.mp4", FILM))
    assert [entry.status for entry in emulator.requests_of("upload")] == [500, 200, 200]
    assert [entry.status for entry in emulator.requests_of("storage")] == [503, 204]


async def test_a_data_uri_beyond_5_mb_is_refused(emulator: Emulator, sdk: AsyncRunwayML) -> None:
    """Of any kind, on Runway's own routes."""
    head = "data:video/mp4;base64,"
    await sdk.video_to_video.create(**EDIT, video_uri=head.ljust(5 * 2**20, "A"))
    with pytest.raises(BadRequestError, match="larger than 5MB"):
        await sdk.video_to_video.create(**EDIT, video_uri=head.ljust(5 * 2**20 + 1, "A"))
    assert len(emulator.tasks) == 1
