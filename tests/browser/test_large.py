"""A gallery of more shots than its page holds, in a real browser: as a file, and live."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: nox --session browser")
pytest.importorskip("axe_playwright_python", reason="it brings axe-core: nox --session browser")
from playwright.sync_api import Browser, Page, expect

from cometrunway._gallery import _page
from tests.browser.conftest import PHONE, OpenPage, until
from tests.browser.test_accessibility import tabbed, violations_of_all_looks
from tests.browser.test_live import PATIENCE, first_line
from tests.browser.test_page import MARKUP, card, file_in, keys, written
from tests.gallery.pages import change
from tests.recorded import Recorded, record_now
from tests.served import started

MANY = 2000
MODELS = ("gen4_turbo", "gen3a_turbo")


def shots(folder: Path) -> Iterator[Recorded]:
    """Yield many shots: the first has a video, every hundredth failed, one has markup for a prompt."""
    yield Recorded(key="s0000", prompt="cat 0", files=file_in(folder, "0.mp4"))
    for number in range(1, MANY):
        yield Recorded(
            key=f"s{number:04}",
            prompt=MARKUP if number == 1500 else f"cat {number}",
            outcome="failed" if number % 100 == 0 else "accepted",
            request={"model": MODELS[number % 2], "duration": 10 if number == 1234 else 5},
        )


@pytest.fixture
def large(tmp_path: Path) -> str:
    """Return the page of many shots."""
    return written(tmp_path, *shots(tmp_path))


def settled(page: Page) -> None:
    """Wait until nothing is being loaded."""
    until(page, "document.querySelector('#grid').ariaBusy !== 'true' && !document.querySelector('#grid [aria-busy]')")


def test_shots_are_loaded_as_one_scrolls(large: str, show: OpenPage) -> None:
    """The first are there at once, and of the others only those that are looked at are asked for."""
    page = show(large)
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    assert keys(page)[:2] == ["s0000", "s0001"]
    expect(page.locator("#summary")).to_have_text("2,000 shots")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    expect(page.locator(card(page, "cat 1000,"))).to_be_visible()
    settled(page)
    assert {name for name in loaded if name.endswith(".js")} <= {f"shots-{number}.js" for number in (4, 5, 6)}
    page.keyboard.press("End")
    page.keyboard.press("End")
    expect(page.locator(card(page, "cat 1999,"))).to_be_focused()
    first = page.get_by_role("listitem").first
    assert first.evaluate("item => item.ariaSetSize") == "2000"


def test_a_search_looks_through_all(large: str, show: OpenPage) -> None:
    """Also shots that were not shown yet, by prompt, key, id, reason and model, together with the filters."""
    page = show(large)
    for text, count in (("cat 1777", 1), ("s0777", 1), ("TASK-of-s0778", 1), ("bad_output", 19), ("cat gen3a", 1000)):
        page.fill("#search", text)
        expect(page.locator("#summary")).to_have_text(f"{count:,} of 2,000 shots")
    page.click('.chip[data-status="failed"]')
    expect(page.locator("#summary")).to_have_text("0 of 2,000 shots")
    expect(page.locator("#empty-title")).to_have_text("Nothing matches")
    page.fill("#search", "")
    expect(page.locator("#summary")).to_have_text("19 of 2,000 shots")
    settled(page)
    assert keys(page)[:2] == ["s0100", "s0200"]
    page.select_option("#model", "gen3a_turbo")
    expect(page.locator("#summary")).to_have_text("0 of 2,000 shots")
    page.select_option("#model", "gen4_turbo")
    expect(page.locator("#summary")).to_have_text("19 of 2,000 shots")
    assert page.url.endswith("#status=failed&model=gen4_turbo")
    page.reload()
    expect(page.locator("#summary")).to_have_text("19 of 2,000 shots")
    page.keyboard.press("Escape")
    expect(page.locator("#summary")).to_have_text("2,000 shots")


def test_a_card_that_was_waited_for_tells_why_it_failed(large: str, show: OpenPage) -> None:
    """Its status was known before the rest of it was."""
    page = show(f"{large}#status=failed")
    expect(page.locator("#grid .key").first).to_have_text("s0100")
    settled(page)
    reasons = page.locator("#grid .why").all_inner_texts()
    assert reasons == ["because [INTERNAL.BAD_OUTPUT]"] * page.locator("#grid li").count()


def test_the_counts_are_of_all(large: str, show: OpenPage) -> None:
    """By status on the chips, by model in the choice; where there is one route only, there is no choice of it."""
    page = show(large)
    assert page.locator(".chip:visible").all_inner_texts() == [
        "All\n2,000",
        "Owed\n1,980",
        "Delivered\n1",
        "Failed\n19",
    ]
    options = page.locator("#model option").all_inner_texts()
    assert options == ["Models", "gen3a turbo (1,000)", "gen4 turbo (1,000)"]
    expect(page.locator("#route")).to_be_hidden()


def test_all_are_sorted(large: str, show: OpenPage) -> None:
    """What stands last in the file can stand first."""
    page = show(large)
    for sort, first in (("status", "s0100"), ("longest", "s1234"), ("key", "s0000"), ("newest", "s1999")):
        page.select_option("#sort", sort)
        expect(page.locator("#grid .key").first).to_have_text(first)
        settled(page)


def test_an_address_opens_a_shot_far_down(large: str, show: OpenPage) -> None:
    """Which is looked for in all, and steps go on from there; markup is text there too."""
    page = show(f"{large}#shot=s1499")
    expect(page.locator("#viewer .prompt")).to_have_text("cat 1499")
    expect(page.locator("#viewer .place")).to_have_text("1,500 of 2,000")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer .prompt")).to_have_text(MARKUP)
    assert page.url.endswith("#shot=s1500")
    for number in range(1501, 1612):
        page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer .prompt")).to_have_text(f"cat {number}")
    page.keyboard.press("Escape")
    expect(page.locator(card(page, "cat 1611,"))).to_be_focused()
    assert page.evaluate("document.title") == "shots.db"


def test_an_address_of_nothing_opens_nothing(large: str, show: OpenPage) -> None:
    """All are looked through for it, and the page is as ever."""
    page = show(f"{large}#shot=nobody")
    expect(page.locator("#summary")).to_have_text("2,000 shots")
    settled(page)
    expect(page.locator("#viewer")).to_be_hidden()


def test_axe_finds_nothing_in_a_large_gallery(large: str, show: OpenPage) -> None:
    """Wherever it is scrolled to, filtered, and large."""
    page = show(large)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    settled(page)
    assert violations_of_all_looks(page) == []
    page.fill("#search", "cat 1777")
    settled(page)
    page.click(card(page, "cat 1777,"))
    assert violations_of_all_looks(page) == []


def test_axe_finds_nothing_while_shots_are_being_loaded(tmp_path: Path, browser: Browser) -> None:
    """A card that stands for one says so. Without the folder of data it stays, and the page says what is missing."""
    page_url = written(tmp_path, *shots(tmp_path))
    (tmp_path / "gallery-data").rename(tmp_path / "elsewhere")
    with browser.new_context() as context:  # not watched: that the browser complains of missing files is right
        page = context.new_page()
        page.goto(page_url)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
        expect(page.locator("#problem")).to_contain_text("The folder gallery-data/")
        expect(page.locator("#problem")).to_contain_text("must lie beside this page")
        expect(page.locator("#grid .heading").first).to_have_text("Loading …")
        assert violations_of_all_looks(page) == []
        (tmp_path / "elsewhere").rename(tmp_path / "gallery-data")
        expect(page.locator("#problem")).to_be_hidden(timeout=20_000)
        settled(page)
        assert page.locator("#grid .heading").all_inner_texts()[0].startswith("cat ")


@pytest.fixture
def taller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the page of many shots, in a browser that could show a hundredth of the height that it can."""
    asset = _page._asset
    monkeypatch.setattr(_page, "_asset", lambda name: asset(name).replace("TALLEST = 4_000_000", "TALLEST = 40_000"))
    _page._script.cache_clear()
    yield written(tmp_path, *shots(tmp_path))
    _page._script.cache_clear()


SCROLLED = """async ([by, times]) => {
    const seen = [];
    scrollBy(0, by);
    await new Promise(requestAnimationFrame);
    for (let step = 0; step < times; step += 1) {
        const item = document.elementsFromPoint(100, innerHeight / 2).find((element) => element.tagName === "LI");
        const before = item?.getBoundingClientRect().top;
        scrollBy(0, by);
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        if (item) seen.push(Math.round(item.getBoundingClientRect().top - before));
    }
    return seen;
}"""
SIGHT = """() => [...document.querySelectorAll("#grid li")].filter((item) => {
    const { top, bottom } = item.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
}).map((item) => Number(item.dataset.index))"""


def test_a_list_that_is_too_tall_is_scrolled_pixel_by_pixel(taller: str, show: OpenPage) -> None:
    """Where a browser could not show its whole height: up and down, each step moves it just so far."""
    page = show(taller)
    assert page.evaluate("document.querySelector('#grid').offsetHeight") == 40_000
    for by, times in ((300, 200), (-300, 100)):
        moved = page.evaluate(SCROLLED, [by, times])
        assert len(moved) > times / 2
        assert {abs(distance + by) <= 1 for distance in moved} == {True}
    for where, wanted in (("0", 0), ("document.documentElement.scrollHeight", MANY - 1)):
        page.evaluate(f"scrollTo(0, {where})")
        until(page, f"document.querySelector('#grid li[data-index=\"{wanted}\"]')")
        assert wanted in page.evaluate(SIGHT)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 4)")
    until(page, "document.querySelector('#grid li[data-index=\"500\"]')")
    *moved, last = filter(None, page.evaluate(SCROLLED, [-300, 160]))
    assert {abs(distance - 300) <= 1 for distance in moved} == {True}
    assert 0 < last <= 301, "what was left of the way"
    assert page.evaluate("scrollY") == 0
    assert 0 in page.evaluate(SIGHT)


@pytest.mark.parametrize("size", [None, PHONE], ids=["wide", "phone"])
def test_the_keys_move_through_a_list_that_is_too_tall(
    size: dict[str, int] | None, taller: str, show: OpenPage
) -> None:
    """To its ends, and step by step from wherever one is; the card with the focus is in sight."""
    page = show(taller, **({"viewport": size} if size else {}))
    page.keyboard.press("End")
    page.keyboard.press("End")
    expect(page.locator(card(page, "cat 1999,"))).to_be_focused()
    expect(page.locator(card(page, "cat 1999,"))).to_be_in_viewport()
    for number in range(1998, 1960, -1):
        page.keyboard.press("ArrowLeft")
        expect(page.locator(card(page, f"cat {number},"))).to_be_focused()
        expect(page.locator(card(page, f"cat {number},"))).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator(card(page, "cat 0,"))).to_be_focused()
    if size is PHONE:
        return  # there the chips are between
    page.reload()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    until(page, "[...document.querySelectorAll('#grid li')].some((item) => item.dataset.index > 980)")
    page.focus("#sort")
    [name] = tabbed(page, 1)
    assert 900 < int(name.split()[1].strip(",")) < 1100
    expect(page.locator("#grid a:focus")).to_be_in_viewport()


def test_a_large_live_page_is_told_changes_only(tmp_path: Path, show: OpenPage) -> None:
    """It loads what is looked at, and follows one shot that changes, thousands at once, and new ones."""
    record_now(tmp_path / "shots.db", shots(tmp_path))
    with started("gallery", "shots.db", "--serve", folder=tmp_path) as server:
        page = show(first_line(server))
        page.evaluate("window.isSamePage = true")
        expect(page.locator("#summary")).to_have_text("2,000 shots", timeout=PATIENCE)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
        expect(page.locator(card(page, "cat 1000,"))).to_be_visible()
        change(tmp_path / "shots.db", "UPDATE submission SET state = 'refused', reason = 'poor' WHERE key = 's1001'")
        expect(page.locator(card(page, "cat 1001,")).locator(".status")).to_have_text("Refused", timeout=PATIENCE)
        page.fill("#search", "cat 17")
        expect(page.locator("#summary")).to_have_text("139 of 2,000 shots")
        change(tmp_path / "shots.db", "UPDATE submission SET state = 'in_doubt' WHERE key > 's0007'")
        expect(page.locator('.chip[data-status="in_doubt"] .number')).to_have_text("1,992", timeout=PATIENCE)
        expect(page.locator(card(page, "cat 17,")).locator(".status")).to_have_text("In doubt", timeout=PATIENCE)
        expect(page.locator("#summary")).to_have_text("139 of 2,000 shots")
        copied = "SELECT 't' || key, route, fingerprint, request, state FROM submission WHERE key IN ('s0017', 's0170')"
        change(tmp_path / "shots.db", f"INSERT INTO submission (key, route, fingerprint, request, state) {copied}")
        expect(page.locator("#summary")).to_have_text("141 of 2,002 shots", timeout=PATIENCE)
        assert page.evaluate("window.isSamePage")
        late = show(f"{page.url.partition('#')[0]}#shot=ts0170")
        expect(late.locator("#viewer .prompt")).to_have_text("cat 170", timeout=PATIENCE)
        assert violations_of_all_looks(page) == []
