"""Warnings name the line of the program, also from a background task and from a thread."""

import asyncio
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import cometrunway
from cometrunway import ImageToVideo, Shot
from cometrunway._callers import Caller
from cometrunway.emulator import Emulator
from cometrunway.errors import UnknownValueWarning
from tests.samples import CAT, PNG, yawn


@contextmanager
def warned() -> Iterator[list[tuple[type[Warning], str, str]]]:
    """Collect what is warned of in the block: the category, the text, and the line of this file that is named."""
    found: list[tuple[type[Warning], str, str]] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    lines = Path(__file__).read_text().splitlines()
    for one in caught:
        assert one.filename == __file__
        found.append((one.category, str(one.message), lines[one.lineno - 1].strip()))


def test_the_nearest_line_outside_the_package_is_found() -> None:
    """It is this one, also where the standard library is in between."""
    here = Caller.nearest()
    assert (Path(here.file), here.module) == (Path(__file__), __name__)
    assert "here = Caller.nearest()" in Path(__file__).read_text().splitlines()[here.line - 1]


@pytest.mark.parametrize("image", [CAT, PNG], ids=["url", "file"])
async def test_a_warning_names_the_line_that_submits(session: Any, image: Any) -> None:
    """A request with a file is described in a thread; the shots of a map are submitted by background tasks."""
    new = ImageToVideo(prompt_image=image, model="gen5", ratio="1280:720")
    async with Emulator(any_model=True) as emulator, session(emulator, output_dir=None) as runway:
        with warned() as found:
            handle = await runway.submit(new)  # submitted here
            batch = runway.map([Shot("a", new)])  # mapped here
            await batch
            await handle
    named = [line for category, text, line in found if category is UnknownValueWarning and "'gen5'" in text]
    assert [line.partition("# ")[2] for line in named] == ["submitted here", "mapped here"]


async def test_a_submission_in_a_task_of_its_own_is_warned_of(session: Any) -> None:
    """Its line is not known then; the warning names one outside of the package."""
    new = ImageToVideo(prompt_image=CAT, model="gen5", ratio="1280:720")
    async with Emulator(any_model=True) as emulator, session(emulator, output_dir=None) as runway:
        with pytest.warns(UnknownValueWarning, match="'gen5'") as caught:
            await (await asyncio.create_task(runway.submit(new)))
    assert [Path(one.filename).is_relative_to(Path(cometrunway.__file__).parent) for one in caught] == [False]


@pytest.mark.parametrize("requests", [[yawn(1), yawn(2)], iter([yawn(1)])], ids=["list", "iterator"])
async def test_a_batch_that_is_never_read_is_told(session: Any, requests: Any) -> None:
    """The warning names the line and the cure; nothing was submitted."""
    async with Emulator() as emulator, session(emulator) as runway:
        with warned() as found:
            runway.map(requests)  # and forgotten
            gc.collect()
    [(category, text, line)] = found
    assert category is RuntimeWarning
    assert "never read, so that nothing was submitted" in text
    assert "async for handle in session.map(...)" in text
    assert line == "runway.map(requests)  # and forgotten"
    assert emulator.creates.received == 0


async def test_a_batch_that_is_read_or_closed_is_not_told(session: Any) -> None:
    """Neither after a whole or a partial iteration, nor after `await`, nor after `aclose`."""
    async with Emulator() as emulator, session(emulator) as runway:
        with warned() as found:
            await runway.map([yawn(1)])
            async for _ in runway.map([yawn(2), yawn(3)]):
                break
            await runway.map([yawn(4)]).aclose()
            gc.collect()
    assert not found


async def test_a_resumption_that_is_never_read_is_told(session: Any, tmp_path: Path) -> None:
    """With its line and the cure."""
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        with warned() as found:
            runway.resume()  # and forgotten
            await runway.resume()
            [_ async for _ in runway.resume()]
            gc.collect()
    [(category, text, line)] = found
    assert category is RuntimeWarning
    assert "handles = await session.resume()" in text
    assert line == "runway.resume()  # and forgotten"
