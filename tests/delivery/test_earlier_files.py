"""What a second run without a journal does with keys whose files are there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Session, Shot, errors, generate
from cometrunway.emulator import Emulator
from tests.samples import yawn

ROW = {"route": "image_to_video", "key": "cat", "prompt_image": "https://example.com/cat.jpg"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Return a folder with the files that a run before has left."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("cat.mp4", "dog-1.png", "dog-2.png", "bird.mp4.part"):
        (folder / name).touch()
    return folder


async def _generated(runway: Session) -> object:
    return await runway.map([Shot("new", yawn()), Shot("cat", yawn(1)), Shot("dog", yawn(2))])


@pytest.mark.parametrize(
    ("buy", "keys"),
    [
        (lambda runway: runway.submit(yawn(), key="cat"), ("cat",)),
        (lambda runway: runway.submit(yawn(), key="dog"), ("dog",)),
        (_generated, ("cat", "dog")),
        (lambda runway: runway.map(iter([Shot("dog", yawn())])), ("dog",)),
        (lambda runway: runway.map([ROW]), ("cat",)),
        (lambda runway: runway.map(iter([ROW])), ("cat",)),
    ],
    ids=["submit", "several files", "list", "iterator", "rows", "iterator of rows"],
)
async def test_a_key_whose_files_are_there_is_told_before_anything_is_sent(
    session: Any, output: Path, buy: Callable[[Session], Any], keys: tuple[str, ...]
) -> None:
    """Of a list all such keys are named, and nothing of it is sent."""
    async with Emulator() as emulator, session(emulator, output_dir=output) as runway:
        with pytest.raises(errors.KeyUsedError, match=r"journal=.*pay_again=True.*-2") as caught:
            await buy(runway)
    assert caught.value.keys == keys
    assert emulator.creates.received == 0


async def test_a_key_that_comes_twice_is_named_once(session: Any, output: Path) -> None:
    """The number is that of keys, not of shots."""
    async with Emulator() as emulator, session(emulator, output_dir=output) as runway:
        with pytest.raises(errors.KeyUsedError, match=r"1 key names .*\(cat\)"):
            await runway.map([Shot("cat", yawn()), Shot("cat", yawn())])


async def test_what_was_submitted_before_such_a_key_is_delivered(session: Any, output: Path) -> None:
    """An iterator is not known before it is taken: what came first is yielded, and nothing after the key is sent."""
    delivered = []
    async with Emulator() as emulator, session(emulator, output_dir=output) as runway:
        with pytest.raises(errors.KeyUsedError):
            async for handle in runway.map(iter([Shot("new", yawn()), Shot("cat", yawn(1)), Shot("late", yawn(2))])):
                delivered.append(await handle)
    assert len(delivered) == emulator.creates.received == 1


async def test_a_new_journal_knows_no_more_than_none(session: Any, output: Path) -> None:
    """Who is told of files and then gives a journal does not pay again in silence."""
    async with Emulator() as emulator, session(emulator, output_dir=output, journal=output / "new.db") as runway:
        with pytest.raises(errors.KeyUsedError, match="the journal of the first run"):
            await runway.submit(yawn(), key="cat")
    assert emulator.creates.received == 0


@pytest.mark.parametrize(
    "options",
    [{"pay_again": True}, {"pay_again": True, "journal": "new.db"}, {"journal": "old.db"}, {"output_dir": None}],
)
async def test_what_is_wanted_or_known_is_submitted(
    session: Any, output: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option pays again, a journal knows what was paid for, and without a folder nothing is known of files."""
    monkeypatch.chdir(output.parent)
    async with Emulator() as emulator, session(emulator, journal="old.db", output_dir=None) as runway:
        await runway.submit(yawn(), key="bird")
    async with Emulator() as emulator, session(emulator, **{"output_dir": output, **options}) as runway:
        [clip] = await (await runway.submit(yawn(), key="cat"))
    assert emulator.creates.accepted == 1
    if clip.path is not None:
        assert clip.path.name == "cat-2.mp4"


async def test_a_journal_with_entries_does_not_pay_again(session: Any, tmp_path: Path) -> None:
    """`pay_again=True` then has no effect: a warning says so on opening, and names what pays again."""
    given = {"journal": tmp_path / "shots.db", "output_dir": tmp_path / "out", "pay_again": True}
    async with Emulator() as emulator:
        async with session(emulator, **given) as runway:
            await runway.submit(yawn(), key="cat")
        with pytest.warns(RuntimeWarning, match=r"no effect.*other keys") as told:
            async with session(emulator, **given) as runway:
                await runway.submit(yawn(), key="cat")
    assert emulator.creates.accepted == 1
    assert told[0].filename == __file__


async def test_files_of_the_same_session_do_not_count(session: Any) -> None:
    """A key may be submitted twice in one session, as a web server may do, and gives the first task both times."""
    async with Emulator() as emulator, session(emulator) as runway:
        for _ in range(2):
            await (await runway.submit(yawn(), key="cat"))
        await (await runway.submit(yawn(7), key="bird"))
    assert emulator.creates.accepted == 2


async def test_files_in_folders_of_a_template_are_found(session: Any, output: Path) -> None:
    """A template with folders names files in them."""
    (output / "image_to_video").mkdir()
    (output / "image_to_video" / "bird.mp4").touch()
    async with Emulator() as emulator, session(emulator, output_dir=output, template="{route}/{key}") as runway:
        await runway.submit(yawn(), key="cat")
        with pytest.raises(errors.KeyUsedError):
            await runway.submit(yawn(), key="bird")
    assert emulator.creates.received == 1


async def test_generate_passes_the_option_on(output: Path) -> None:
    """A script of one line is told, and can pay again."""
    async with Emulator() as emulator:
        given: dict[str, Any] = {"api_key": emulator.api_key, "base_url": emulator.base_url, "output_dir": output}
        with pytest.raises(errors.KeyUsedError):
            await generate(yawn(), key="cat", **given)
        [clip] = await generate(yawn(), key="cat", pay_again=True, **given)
    assert clip.path is not None
    assert clip.path.name == "cat-2.mp4"
