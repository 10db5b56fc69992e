"""A traceback is short: few of its entries are ours."""

import traceback
from pathlib import Path

import pytest

import cometrunway
from cometrunway import DownloadError, RetryPolicy, Session
from cometrunway.emulator import Emulator, Fault
from cometrunway.errors import InvalidRequestError
from tests.samples import yawn

PACKAGE = Path(cometrunway.__file__).parent


def our_entries(error: BaseException) -> list[str]:
    """Return the functions of ours that an error's own traceback shows, without those of its causes."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.name for frame in frames if PACKAGE in Path(frame.filename).parents]


@pytest.mark.parametrize("journal", [None, "shots.db"])
async def test_a_refused_submission_shows_at_most_seven(tmp_path: Path, journal: str | None) -> None:
    """A submission that the server refuses shows at most seven entries of ours, with a journal and without."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.answer(400))
        path = journal and tmp_path / journal
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None, journal=path) as runway:
            with pytest.raises(InvalidRequestError) as caught:
                await runway.submit(yawn(), key="shot")
    assert 1 <= len(our_entries(caught.value)) <= 7, our_entries(caught.value)


async def test_a_failed_download_shows_none(tmp_path: Path) -> None:
    """The traceback of a task whose file cannot be had ends at the await: what lies below it has met a signed URL."""
    once = RetryPolicy(attempts=1)
    async with Emulator(refresh_urls=False) as emulator:
        emulator.script("asset", *[Fault.answer(404)] * 20)
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path, retry=once) as runway:
            handle = await runway.submit(yawn())
            with pytest.raises(DownloadError) as caught:
                await handle
    assert our_entries(caught.value) == []
