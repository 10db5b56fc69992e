"""The data of a large gallery: all shots are in them, and few are held at once."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve, frozen

from cometrunway._gallery._cards import Card, MediaFile
from cometrunway._gallery._data_scripts import BLOCK, PAGE
from cometrunway._gallery._page import write_page
from cometrunway._gallery._source import Id, IsKnown, Scan, Snapshot
from tests.gallery.pages import data_of, scripts_of

CARD = Card(
    key="",
    status="delivered",
    route="image_to_video",
    created_at=1.7e9,
    request={"prompt_text": "a cat", "model": "gen4_turbo", "duration": 5, "seed": 7},
    files=(MediaFile(path=Path("one.mp4"), media_type="video/mp4", size=1),),
)
STRANGE = "</script><!--<script>&\u2028\u2029\\\"'`${x}\ud800 __proto__"


@frozen
class Cards:
    """A source of cards."""

    each: Iterator[Card]
    title: str = "cards"

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        yield Snapshot(cards=self.each)

    @contextmanager
    def scanning(self, is_known: IsKnown, after: Id | None = None) -> Iterator[Scan]:
        yield Scan(shots=[])

    def cards(self, ids: object) -> list[Card | None]:
        return []

    def is_written(self) -> bool:
        return False

    def signature(self) -> object:
        return None


def some(count: int) -> Iterator[Card]:
    """Return so many cards, every tenth of which failed."""
    for number in range(count):
        yield evolve(CARD, key=f"k{number}", status="failed" if number % 10 == 0 else "delivered")


@pytest.mark.parametrize("count", [0, 1, 500])
def test_up_to_500_shots_are_one_file(count: int, tmp_path: Path) -> None:
    """Which people can mail: the page holds them all, and nothing lies beside it."""
    assert write_page(Cards(some(count)), tmp_path / "gallery.html") == count
    assert list(tmp_path.iterdir()) == [tmp_path / "gallery.html"]
    data = data_of(tmp_path / "gallery.html")
    assert (len(data["shots"]), data["total"], data.get("data")) == (count, count, None)


@pytest.mark.parametrize("count", [501, BLOCK, BLOCK + 1, 2 * BLOCK + PAGE + 3])
def test_more_shots_are_in_scripts(count: int, tmp_path: Path) -> None:
    """Each shot is in one page of them and has one row and one text; the page itself has the first, and the counts."""
    assert write_page(Cards(some(count)), tmp_path / "gallery.html") == count
    data, scripts = data_of(tmp_path / "gallery.html"), scripts_of(tmp_path / "gallery.html")
    numbers = range(-(-count // PAGE))
    shots = [shot for number in numbers for shot in scripts.pop(f"shots-{number}")]
    assert [(shot["n"], shot["key"]) for shot in shots] == [(number, f"k{number}") for number in range(count)]
    assert data["shots"] == shots[:PAGE]
    failed = -(-count // 10)
    assert data["counts"] == {
        "status": {"delivered": count - failed, "failed": failed},
        "route": {"image_to_video": count},
        "model": {"gen4_turbo": count},
    }
    assert (data["total"], data["known"]) == (count, ["created", "seconds"])
    at = 0
    for block in range(-(-count // BLOCK)):
        rows, texts = scripts.pop(f"rows-{block}"), scripts.pop(f"texts-{block}")
        for kind, key, created, seconds, text in zip(
            rows["kind"], rows["key"], rows["created"], rows["seconds"], texts, strict=True
        ):
            shot = shots[at]
            assert (*rows["kinds"][kind], key) == (shot["status"], shot["route"], shot["model"], shot["key"])
            assert (created, seconds) == (shot["created"], shot["seconds"])
            assert text == f"k{at}\na cat\ngen4_turbo\nimage_to_video\nimage to video\n7\none.mp4"
            at += 1
    assert (at, scripts) == (count, {})


def test_data_of_any_text_are_one_call(tmp_path: Path) -> None:
    """Whatever a prompt, a key or a field is: the script is ASCII, and hands over what there was."""
    request = {"prompt_text": STRANGE, "__proto__": STRANGE, "model": STRANGE}
    cards = (Card(key=f"{STRANGE}{number}", status="failed", request=request) for number in range(501))
    write_page(Cards(cards), tmp_path / "gallery.html")
    scripts = scripts_of(tmp_path / "gallery.html")
    shot = scripts["shots-2"][100]
    assert (shot["key"], shot["prompt"], shot["model"]) == (f"{STRANGE}500", STRANGE, STRANGE)
    assert shot["more"] == [["__proto__", STRANGE]]
    assert f"{STRANGE}500\n{STRANGE}" in scripts["texts-0"][500]
    for path in (tmp_path / "gallery-data").rglob("*.js"):
        assert not set(path.read_bytes()) & set(b"<>&")


def test_few_shots_are_held_at_once(tmp_path: Path) -> None:
    """However many there are."""
    references: list[weakref.ref[Card]] = []
    most = 0

    def counted() -> Iterator[Card]:
        nonlocal most
        for card in some(5000):
            references.append(weakref.ref(card))
            if len(references) % 100 == 0:
                most = max(most, sum(reference() is not None for reference in references))
            yield card

    assert write_page(Cards(counted()), tmp_path / "gallery.html") == 5000
    assert 100 <= most < 1000


def test_a_choice_is_of_so_many_models_at_most(tmp_path: Path) -> None:
    """A journal may have a model of its own in each row; the page offers the most frequent hundred."""
    cards = (evolve(CARD, key=str(number), request={"model": f"m{number // 2}"}) for number in range(601))
    write_page(Cards(cards), tmp_path / "gallery.html")
    assert len(data_of(tmp_path / "gallery.html")["counts"]["model"]) == 100
