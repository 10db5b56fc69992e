"""The page for those who do not see it, do not point, or see it larger: axe-core's rules, and the keyboard alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: nox --session browser")
pytest.importorskip("axe_playwright_python", reason="it brings axe-core: nox --session browser")
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, WIDE, OpenPage, until
from tests.browser.test_live import first_line
from tests.browser.test_page import card, file_in, written
from tests.recorded import Recorded, clip, record_now, still
from tests.served import started

STRICT = """async () => {
    const rules = axe.getRules().filter((rule) => !rule.tags.some((tag) => tag.endsWith("aaa")));
    const { violations, passes } = await axe.run({
        rules: Object.fromEntries(rules.map((rule) => [rule.ruleId, { enabled: true }])),
    });
    const told = (node) => `${node.html} ${node.failureSummary}`;
    return { found: violations.map((rule) => [rule.id, ...rule.nodes.map(told)]), passes: passes.length };
}"""
"""All rules of axe-core, those on trial too, but for WCAG's level AAA."""
FOCUSED = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    return [element.getAttribute("aria-label") || element.id || element.textContent, isSeen];
}"""


def violations(page: Page) -> list[Any]:
    """Return what axe-core finds in the page as it is, with the elements and what to do."""
    page.evaluate(AXE_SCRIPT)
    result = page.evaluate(STRICT)
    assert result["passes"] > 10, "axe-core has judged next to nothing"
    return list(result["found"])


def violations_of_all_looks(page: Page) -> list[Any]:
    """Return what axe-core finds in light and dark, on a wide screen and on a phone."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        until(page, f"document.documentElement.dataset.theme === '{scheme}'")
        for size in (WIDE, PHONE):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            page.evaluate("() => new Promise(requestAnimationFrame)")
            found += [(scheme, size["width"], *violation) for violation in violations(page)]
    return found


@pytest.fixture
def batch(tmp_path: Path) -> str:
    """Return the page of a batch with an outcome of every kind, and with prompts of several scripts."""
    two = file_in(tmp_path, "one.png", still()) + file_in(tmp_path, "two.png", still(tint=2))
    return written(
        tmp_path,
        Recorded(key="yawn", prompt="the cat (grey) yawns: 🐱, " + "slowly " * 60, files=file_in(tmp_path, "yawn.mp4")),
        Recorded(
            key="tall", prompt="ein Turm · 高い塔 · برج", files=file_in(tmp_path, "tall.mp4", clip((9, 16), tint=4))
        ),
        Recorded(key="boat", prompt="a paper boat", files=two),
        Recorded(key="bare", prompt=None, files=file_in(tmp_path, "bare.mp4", b"this is no video")),
        Recorded(key="storm", prompt="a storm", outcome="failed", reason="The output (all of it) was unusable."),
        Recorded(key="poor", prompt="a castle", outcome="refused", reason="no balance left"),
        Recorded(key="lost", prompt="a train", outcome="in_doubt", reason="the answer was lost"),
        Recorded(key="slow", prompt="a glacier", outcome="accepted"),
        Recorded(key="gone", prompt="a ghost", files=(tmp_path / "gone.mp4",)),
    )


def show_posters(page: Page) -> None:
    """Wait until the files in sight are drawn, or are said not to be."""
    until(page, "document.querySelectorAll('.is-drawn').length >= 3")
    until(page, "document.querySelector('#grid').textContent.includes('cannot show')")


@pytest.mark.parametrize(
    "bring_about",
    [
        pytest.param(show_posters, id="all"),
        pytest.param(lambda page: page.fill("#search", "no such thing"), id="no hits"),
        pytest.param(lambda page: page.click('.chip[data-status="failed"]'), id="filtered"),
        pytest.param(lambda page: page.click(card(page, "the cat")), id="video"),
        pytest.param(lambda page: page.click(card(page, "a paper boat")), id="two files"),
        pytest.param(lambda page: page.click(card(page, "a storm")), id="failed"),
        pytest.param(lambda page: page.click(card(page, "a train")), id="in doubt"),
        pytest.param(lambda page: page.click(card(page, "a ghost")), id="missing"),
        pytest.param(lambda page: page.keyboard.press("?"), id="help"),
    ],
)
def test_axe_finds_nothing(bring_about: Callable[[Page], object], batch: str, show: OpenPage) -> None:
    """In each state of a written page no rule is broken, in light and dark, on a wide screen and on a phone."""
    page = show(batch)
    bring_about(page)
    assert violations_of_all_looks(page) == []


def test_axe_finds_nothing_where_there_is_nothing(tmp_path: Path, show: OpenPage) -> None:
    """A page without a shot keeps the rules too."""
    assert violations_of_all_looks(show(written(tmp_path))) == []


def test_axe_would_find_something(batch: str, show: OpenPage) -> None:
    """A button without a name, and a card that is called other than what it says, are found."""
    page = show(batch)
    show_posters(page)
    page.evaluate("document.querySelector('#theme').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('#theme').removeAttribute('title')")
    page.evaluate("document.querySelector('#grid a').setAttribute('aria-label', 'something else')")
    assert [rule for rule, *_ in violations(page)] == ["button-name", "label-content-name-mismatch"]


def test_axe_finds_nothing_in_a_live_page(tmp_path: Path, show: OpenPage) -> None:
    """While shots run, with the clocks on their cards, after the batch was left, and whatever the badge says."""
    record_now(tmp_path / "shots.db", [])
    shot = {"route": "image_to_video", "promptImage": "https://example.com/cat.jpg", "promptText": "cat [seconds 600]"}
    (tmp_path / "shots.jsonl").write_text(f"{json.dumps(shot)}\n" * 3)
    with started("gallery", "shots.db", "--serve", folder=tmp_path) as server:
        page = show(first_line(server))
        assert violations_of_all_looks(page) == []
        with started("run", "shots.jsonl", "--journal", "shots.db", "--emulator", folder=tmp_path):
            expect(page.locator("#live")).to_have_text("Live", timeout=60_000)
            expect(page.locator("#grid .clock").first).to_have_text("0:01", timeout=60_000)
            assert violations_of_all_looks(page) == []
        expect(page.locator("#live")).to_have_text("Stopped", timeout=60_000)
        for state in ("live", "waiting", "finished", "stopped", "lost"):
            page.evaluate(f"document.querySelector('#live').dataset.state = '{state}'")
            assert violations_of_all_looks(page) == []


def test_a_card_says_what_is_seen(batch: str, show: OpenPage) -> None:
    """Who hears the page hears of a shot its prompt, facts, status and key, why it failed, and how many files it is."""
    page = show(batch)
    link = page.locator(card(page, "a storm"))
    for said in ("gen4_turbo", "5 s", "seed 7", "Failed", "storm", "was unusable. [INTERNAL.BAD_OUTPUT]"):
        assert said in (link.get_attribute("aria-label") or "")
    expect(page.locator(f'{card(page, "a paper boat")}[aria-label$="2 files"]')).to_have_count(1)
    expect(page.locator(f'{card(page, "bare")}[aria-label$="cannot show the file"]')).to_have_count(1)


def tabbed(page: Page, times: int, key: str = "Tab") -> list[str]:
    """Press Tab so many times; return the names of what gets the focus, each of which shows that it has it."""
    names = []
    for _ in range(times):
        page.keyboard.press(key)
        name, is_seen = page.evaluate(FOCUSED)
        assert is_seen, f"{name} does not show that it has the focus"
        names.append(name)
    return names


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_tab_goes_through_the_page_in_the_order_of_reading(size: dict[str, int], batch: str, show: OpenPage) -> None:
    """All controls are stops, the shots together are one, and back it goes the same way."""
    page = show(batch, viewport=size)
    chips = ["All9", "Owed1", "Delivered5", "Failed1", "Refused1", "In doubt1"]
    if size is WIDE:
        way = ["Switch to dark", "Keyboard help", "Filter shots", *chips, "Sort by"]
    else:
        way = ["Switch to dark", "Filter shots", "Sort by", *chips]
    assert tabbed(page, len(way)) == way
    assert tabbed(page, 1)[0].startswith("the cat (grey)")
    assert tabbed(page, len(way), "Shift+Tab") == way[::-1]


def test_tab_stays_in_the_large_view(batch: str, show: OpenPage) -> None:
    """The way through it comes around, with the controls of the video on it; Escape leads back to the card."""
    page = show(batch)
    page.focus(card(page, "the cat"))
    page.keyboard.press("Enter")
    expect(page.locator("#viewer .screen")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#viewer video")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer .place")).to_have_text("1 of 9")
    around = []
    while "Next (→)" not in around:
        page.keyboard.press("Tab")
        around.append(page.evaluate(FOCUSED)[0])
        assert len(around) < 30
    assert {"Copy prompt", "Copy id", "yawn.mp4"} <= set(around)
    page.keyboard.press("Escape")
    expect(page.locator(card(page, "the cat"))).to_be_focused()


def test_the_large_view_is_named_by_its_shot(batch: str, show: OpenPage) -> None:
    """What has the focus there is called as the shot is, also after a step to the next."""
    page = show(f"{batch}#shot=storm")
    expect(page.get_by_role("group", name="a storm")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("group", name="a castle")).to_be_focused()


def test_tab_finds_a_shot_wherever_the_page_was_scrolled_to(tmp_path: Path, show: OpenPage) -> None:
    """After scrolling by hand the first shot in sight is the stop, and the arrows go on from there."""
    shots = [Recorded(key=f"shot-{number}", prompt=f"cat {number}", outcome="failed") for number in range(400)]
    page = show(written(tmp_path, *shots))
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    until(page, f"!document.querySelector('{card(page, 'cat 0,')}')")
    page.focus("#sort")
    [name] = tabbed(page, 1)
    assert 150 < int(name.split()[1].strip(",")) < 250
    expect(page.locator("#grid a:focus")).to_be_in_viewport()
    assert page.locator('#grid a[tabindex="0"]').count() == 1
    page.keyboard.press("End")
    expect(page.locator(card(page, "cat 399,"))).to_be_focused()


def test_the_focus_is_not_lost_with_the_button_that_had_it(batch: str, show: OpenPage) -> None:
    """After `Show all shots` it is on the first shot."""
    page = show(batch)
    page.fill("#search", "no such thing")
    page.focus("#clear")
    page.keyboard.press("Enter")
    expect(page.locator(card(page, "the cat"))).to_be_focused()


def test_nothing_moves_where_less_motion_is_asked_for(batch: str, show: OpenPage) -> None:
    """The badge of a live page and a card that waits are still, which otherwise move."""
    page = show(batch)
    page.evaluate("Object.assign(document.querySelector('#live'), { hidden: false }).dataset.state = 'live'")
    page.evaluate("document.querySelector('#grid .note').classList.add('is-waiting')")
    moving = "document.getAnimations().filter((animation) => animation instanceof CSSAnimation).length"
    assert page.evaluate(moving) == 2
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


@pytest.mark.parametrize("zoom", [2, 4])
def test_a_page_that_is_zoomed_fits_its_width(zoom: int, batch: str, show: OpenPage) -> None:
    """At 200 % and 400 % of a screen of 1280 by 1024 nothing must be scrolled sideways, in the grid and large."""
    page = show(batch, viewport={"width": 1280 // zoom, "height": 1024 // zoom}, device_scale_factor=zoom)
    overhang = "document.scrollingElement.scrollWidth - innerWidth"
    assert page.evaluate(overhang) <= 0
    assert page.locator("#search").is_visible()
    page.focus(card(page, "the cat"))
    expect(page.locator(f"{card(page, 'the cat')} .heading")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('#viewer').scrollWidth - innerWidth") <= 0
    page.locator("#viewer .files").scroll_into_view_if_needed()
    expect(page.locator("#viewer .files")).to_be_in_viewport()


def test_forced_colours_tell_what_is_pressed(batch: str, show: OpenPage) -> None:
    """With the system's own colours the chosen status and file still differ from the others, and axe finds nothing."""
    page = show(batch, forced_colors="active")
    page.click('.chip[data-status="delivered"]')
    back = "element => getComputedStyle(element).backgroundColor"
    chips = {chip.evaluate(back) for chip in page.locator(".chip:visible").all()}
    assert len(chips) == 2
    page.click(card(page, "a paper boat"))
    assert len({choice.evaluate(back) for choice in page.locator(".choice").all()}) == 2
    assert violations(page) == []
