"""The captions of files in a notebook."""

import gc
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import evolve

from cometrunway import Asset, ImageToVideo, ProGenerate
from cometrunway._handle import Asked, TaskFuture, TaskReference
from cometrunway._journal._entry import Entry
from cometrunway._notebook import _captions
from cometrunway._notebook._captions import Caption, caption_of, captioned
from tests.samples import CAT, HOOK

FILE = Asset(url="https://example.com/a.mp4", path=Path("/out/a.mp4"))
OFFICIAL = ImageToVideo(prompt_image=CAT, prompt_text="yawns", model="gen4_turbo", duration=10)
PRO = ProGenerate(prompt="yawns", callback_url=HOOK)


def future(asked: Asked) -> TaskFuture:
    """Return the future of a task that was made by this request, or of one that a journal describes."""
    reference = TaskReference(id="t1", route="image_to_video", key="cat")
    return TaskFuture(reference, None, asked) if isinstance(asked, Mapping) else TaskFuture(reference, asked)


@pytest.mark.parametrize(
    ("asked", "caption"),
    [
        (OFFICIAL, Caption(key="cat", model="gen4_turbo", duration="10 s", prompt="yawns")),
        (PRO, Caption(key="cat", model=PRO.model, duration=f"{PRO.seconds} s", prompt="yawns")),
        ({"prompt_text": "yawns", "duration": 5}, Caption(key="cat", duration="5 s", prompt="yawns")),
        ({"prompt_text": None, "prompt": "yawns"}, Caption(key="cat", prompt="yawns")),
        (None, Caption(key="cat")),
    ],
)
async def test_a_file_has_the_caption_of_its_shot(asked: Asked, caption: Caption) -> None:
    """Whichever family of routes made it, and whether the request or a journal's description of it is known."""
    [asset] = captioned([evolve(FILE)], future(asked))
    assert caption_of(asset) == caption
    if isinstance(asked, dict):
        assert Caption.of_entry(Entry(key="cat", route="r", fingerprint="f", request=asked)) == caption


async def test_the_files_of_a_task_are_the_tuple_that_they_were() -> None:
    """A program goes on with them as elsewhere; they only have a display of their own."""
    files = (evolve(FILE), evolve(FILE, url="https://example.com/b.mp4"))
    shown = captioned(files, future(OFFICIAL))
    assert isinstance(shown, tuple)
    assert (shown == files, hash(shown)) == (True, hash(files))
    assert set(shown._repr_mimebundle_()) == {"text/plain", "text/html"}


async def test_a_caption_is_kept_no_longer_than_its_file() -> None:
    """A file without one has an empty one."""
    assert caption_of(evolve(FILE)) == Caption()
    gc.collect()
    before = len(_captions._captions)
    shown = captioned([Asset(url="https://example.com/forgotten.mp4")], future(OFFICIAL))
    assert len(_captions._captions) == before + 1
    del shown
    gc.collect()
    assert len(_captions._captions) == before
