"""The page that is written to a file: it plays, filters, obeys the keys, and takes no prompt for markup."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: nox --session browser")
from playwright.sync_api import Page, expect

from cometrunway._gallery._page import write_page
from cometrunway._gallery._sources import source_of
from tests.browser.conftest import PHONE, OpenPage, until
from tests.recorded import Recorded, clip, record_now, still

MARKUP = '<img src="x" onerror="document.title = \'taken\'"> & </script><script>document.title = "taken"</script>'
NASTY = "a b#c?d%41&e'f\"ü 猫.mp4"
MANY = 1000


def written(folder: Path, *shots: Recorded) -> str:
    """Record shots in a journal, make its page, and return the page's URL."""
    record_now(folder / "shots.db", shots)
    write_page(source_of(folder / "shots.db"), folder / "gallery.html")
    return (folder / "gallery.html").as_uri()


def file_in(folder: Path, name: str, content: bytes | None = None) -> tuple[Path, ...]:
    """Write a file, a video unless its content is given; return it as the files of a shot."""
    path = folder / name
    path.write_bytes(clip() if content is None else content)
    return (path,)


@pytest.fixture
def batch(tmp_path: Path) -> str:
    """Return the page of a batch with an outcome of every kind."""
    return written(
        tmp_path,
        Recorded(key="yawn", prompt="the cat yawns", files=file_in(tmp_path, "yawn.mp4"), request={"duration": 10}),
        Recorded(key="tall", prompt="a tall tower", files=file_in(tmp_path, NASTY, clip((9, 16), tint=4))),
        Recorded(key="boat", prompt="a paper boat", files=file_in(tmp_path, "boat.png", still())),
        Recorded(key="markup", prompt=MARKUP, files=file_in(tmp_path, "<b>.mp4")),
        Recorded(key="storm", prompt="a storm", outcome="failed", reason="The output was unusable."),
        Recorded(key="poor", prompt="a castle", outcome="refused", reason="no balance left"),
        Recorded(key="lost", prompt="a train", outcome="in_doubt", reason="the answer was lost"),
        Recorded(key="slow", prompt="a glacier", outcome="accepted"),
        Recorded(key="gone", prompt="a ghost", files=(tmp_path / "gone.mp4",)),
    )


def keys(page: Page) -> list[str]:
    """Return the keys of the cards, in the order of reading."""
    return page.locator("#grid .key").all_inner_texts()


def card(page: Page, prompt: str) -> str:
    """Return the selector of the card whose prompt begins so."""
    return f'#grid a[aria-label^="{prompt}"]'


def wait_for_frame(page: Page, selector: str) -> None:
    """Wait until the video has drawn a frame."""
    until(page, f"document.querySelector('{selector} video')?.readyState >= 2")


def test_the_first_frame_is_the_poster_and_hovering_plays(batch: str, show: OpenPage) -> None:
    """A video stands still at its first frame, plays while the pointer is on it, and stops when it leaves."""
    page = show(batch)
    selector = card(page, "the cat yawns")
    wait_for_frame(page, selector)
    video = page.locator(f"{selector} video")
    assert video.evaluate("video => [video.paused, video.currentTime < 0.1, video.videoWidth > 0]") == [True] * 3
    page.hover(selector)
    until(page, f"document.querySelector('{selector} video').currentTime > 0.2")
    page.mouse.move(0, 0)
    until(page, f"document.querySelector('{selector} video').paused")


def test_less_motion_is_respected(batch: str, show: OpenPage) -> None:
    """Who asked for less motion starts each video by hand."""
    page = show(batch, reduced_motion="reduce")
    selector = card(page, "the cat yawns")
    wait_for_frame(page, selector)
    page.hover(selector)
    page.focus(selector)
    assert page.locator(f"{selector} video").evaluate("video => video.paused")
    page.keyboard.press("Space")
    until(page, f"document.querySelector('{selector} video').currentTime > 0.2")


def test_a_shot_opens_large_and_plays(batch: str, show: OpenPage) -> None:
    """The large view plays the file, whatever its name, and shows what was asked for."""
    page = show(batch)
    page.click(card(page, "a tall tower"))
    until(page, "document.querySelector('#viewer video').currentTime > 0.2")
    assert page.locator("#viewer video").evaluate("video => video.videoHeight > video.videoWidth")
    side = page.locator("#viewer .side")
    for said in ("a tall tower", "gen4_turbo", "task-of-tall", "image_to_video", "1280:720", "Delivered", NASTY):
        expect(side).to_contain_text(said)
    expect(page.locator("#viewer .place")).to_have_text("2 of 9")


def test_failed_shots_tell_why(batch: str, show: OpenPage) -> None:
    """What failed, was refused or is in doubt shows its reason on the card and in the large view."""
    page = show(batch)
    for prompt, status, reason in (
        ("a storm", "Failed", "The output was unusable."),
        ("a castle", "Refused", "no balance left"),
        ("a train", "In doubt", "the answer was lost"),
        ("a ghost", "Delivered", "gone.mp4 is not on this disk any more"),
        ("a glacier", "Owed", ""),
    ):
        expect(page.locator(card(page, prompt))).to_contain_text(reason)
        expect(page.locator(card(page, prompt)).locator(".status")).to_have_text(status)
    page.click(card(page, "a storm"))
    expect(page.locator("#viewer .reason")).to_have_text("The output was unusable. [INTERNAL.BAD_OUTPUT]")


def test_a_file_that_does_not_play_says_so(tmp_path: Path, show: OpenPage) -> None:
    """A file that the browser cannot show is a sentence on its card, and harms no other."""
    broken, whole = file_in(tmp_path, "broken.mp4", b"this is no video"), file_in(tmp_path, "whole.mp4")
    page = show(
        written(
            tmp_path,
            Recorded(key="broken", prompt="a broken clip", files=broken),
            Recorded(key="whole", prompt="a whole clip", files=whole),
        )
    )
    expect(page.locator(card(page, "a broken clip"))).to_contain_text("This browser cannot show the file")
    wait_for_frame(page, card(page, "a whole clip"))


def test_what_is_no_video_is_shown_as_what_it_is(tmp_path: Path, show: OpenPage) -> None:
    """A GIF and an AVIF are drawn, a sound plays, and an unknown kind is a link that says it is not verified."""
    samples = Path(__file__).parent.parent / "media" / "samples"
    names = ("animated.gif", "still.avif", "constant-rate.mp3")
    shots = [Recorded(key=name, files=file_in(tmp_path, name, (samples / name).read_bytes())) for name in names]
    unknown = Recorded(key="scene", prompt="a scene", files=file_in(tmp_path, "scene.bin", b"glTF"), verified=False)
    page = show(written(tmp_path, *shots, unknown))
    until(page, "document.querySelectorAll('#grid img.is-drawn').length == 2")
    expect(page.locator("#grid .note")).to_have_text(["constant-rate.mp3", "scene.bin"])
    page.locator("#grid .note").first.click()
    page.keyboard.press("Space")
    until(page, "document.querySelector('#viewer audio').currentTime > 0.1")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer .screen a")).to_have_attribute("href", "scene.bin")
    expect(page.locator("#viewer .files")).to_contain_text("4 B, not verified")


def test_a_prompt_is_text(batch: str, show: OpenPage) -> None:
    """Markup in a prompt, or in a file's name, is shown as it was written, on the card and large."""
    page = show(batch)
    heading = page.locator("#grid .heading", has_text="onerror")
    expect(heading).to_have_text(MARKUP)
    heading.click()
    expect(page.locator("#viewer .prompt")).to_have_text(MARKUP)
    expect(page.locator("#viewer .files")).to_contain_text("<b>.mp4")
    assert page.locator('img[src="x"], #viewer b').count() == 0
    assert page.title() == "shots.db"


def test_words_and_statuses_filter(batch: str, show: OpenPage) -> None:
    """All words must occur, in any field; a status counts its shots; what matches nothing says so and offers a way."""
    page = show(batch)
    page.fill("#search", "cat GEN4")
    assert keys(page) == ["yawn"]
    expect(page.locator("#summary")).to_have_text("1 of 9 shots")
    page.fill("#search", "no such thing")
    expect(page.locator("#empty")).to_contain_text("Nothing matches")
    page.click("#clear")
    assert len(keys(page)) == 9
    chips = [chip.split() for chip in page.locator(".chip:visible").all_inner_texts()]
    assert chips == [
        ["All", "9"],
        ["Owed", "1"],
        ["Delivered", "5"],
        ["Failed", "1"],
        ["Refused", "1"],
        ["In", "doubt", "1"],
    ]
    page.click('.chip[data-status="failed"]')
    assert keys(page) == ["storm"]
    page.reload()
    assert keys(page) == ["storm"], "the address keeps the filter"
    page.click('.chip[data-status="failed"]')
    assert len(keys(page)) == 9


def test_shots_are_sorted(batch: str, show: OpenPage) -> None:
    """By key, by status with what went wrong first, and by length."""
    page = show(batch)
    assert keys(page)[:3] == ["yawn", "tall", "boat"]
    page.select_option("#sort", "key")
    assert keys(page) == sorted(keys(page))
    page.select_option("#sort", "status")
    assert keys(page)[:3] == ["storm", "lost", "poor"]
    page.select_option("#sort", "longest")
    assert keys(page)[0] == "yawn"


def test_the_keyboard_is_enough(batch: str, show: OpenPage) -> None:
    """Keys reach every shot, open it, go on to the next, pause, close, and come back to it; `?` lists them."""
    page = show(batch)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("a ")
    page.keyboard.press("ArrowDown")
    expect(page.locator(card(page, "the cat yawns"))).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(card(page, "a tall tower"))).to_be_focused()
    page.keyboard.press("Space")
    until(page, f"!document.querySelector('{card(page, 'a tall tower')} video').paused")
    page.keyboard.press("End")
    expect(page.locator(card(page, "a ghost"))).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#viewer video').currentTime > 0")
    page.keyboard.press("Space")
    until(page, "document.querySelector('#viewer video').paused")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer .prompt")).to_have_text("a tall tower")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator(card(page, "a tall tower"))).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#search")).to_have_value("")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_the_address_opens_a_shot(batch: str, show: OpenPage) -> None:
    """A shot's address opens it, the way back closes it, and a step goes no further than the filter."""
    page = show(f"{batch}#shot=boat")
    expect(page.locator("#viewer .prompt")).to_have_text("a paper boat")
    expect(page.locator("#viewer img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    page.fill("#search", "storm")
    page.click(card(page, "a storm"))
    assert page.url.endswith("#q=storm&shot=storm")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer .prompt")).to_have_text("a storm")
    page.go_back()
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator("#search")).to_have_value("storm")


def test_ids_and_prompts_are_copied(batch: str, show: OpenPage) -> None:
    """One press copies the whole prompt, or the id, and says so."""
    page = show(f"{batch}#shot=yawn", permissions=["clipboard-read", "clipboard-write"])
    for name, text in (("Copy prompt", "the cat yawns"), ("Copy id", "task-of-yawn")):
        button = page.get_by_role("button", name=name)
        button.click()
        expect(button).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_light_and_dark(batch: str, show: OpenPage) -> None:
    """The page follows the system until it is told otherwise, which it remembers."""
    page = show(batch, color_scheme="dark")
    theme = "document.documentElement.dataset.theme"
    back = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(back)
    assert page.evaluate(theme) == "dark"
    page.keyboard.press("t")
    assert page.evaluate(theme) == "light"
    assert page.evaluate(back) != dark
    page.reload()
    assert page.evaluate(theme) == "light"


def test_a_phone_can_read_it(batch: str, show: OpenPage) -> None:
    """On a narrow screen nothing overflows, shots stand one below the other, and the large view scrolls as one."""
    page = show(batch, viewport=PHONE, has_touch=True, is_mobile=True)
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(overflow) == 0
    lefts = page.locator("#grid li").evaluate_all("cards => cards.map(card => card.getBoundingClientRect().left)")
    assert len(set(lefts)) == 1
    page.tap(card(page, "the cat yawns"))
    until(page, "document.querySelector('#viewer video').currentTime > 0")
    assert page.evaluate("document.querySelector('#viewer').scrollWidth - innerWidth") == 0
    last = page.locator("#viewer .files")
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()


def test_every_control_has_a_name(batch: str, show: OpenPage) -> None:
    """Who hears the page instead of seeing it learns what each button, field and link is for."""
    page = show(f"{batch}#shot=yawn")
    nameless = """() => [...document.querySelectorAll('button, input, select, a')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim())).map(e => e.outerHTML)"""
    assert page.evaluate(nameless) == []
    page.keyboard.press("Escape")
    first = page.get_by_role("listitem").first
    assert first.evaluate("item => [item.ariaPosInSet, item.ariaSetSize]") == ["1", "9"]


def test_a_folder_is_a_gallery_too(tmp_path: Path, show: OpenPage) -> None:
    """A folder's files are shown by their names, without statuses, for nothing else is known of them."""
    file_in(tmp_path, "one.mp4")
    file_in(tmp_path, "two.png", still())
    write_page(source_of(tmp_path), tmp_path / "gallery.html")
    page = show((tmp_path / "gallery.html").as_uri())
    assert page.locator("#grid .heading").all_inner_texts() == ["one.mp4", "two.png"]
    assert page.locator(".chip:visible").count() == 0
    until(page, "document.querySelector('#grid img')?.naturalWidth > 0")
    wait_for_frame(page, card(page, "one.mp4"))


def test_a_shot_without_a_prompt_goes_by_its_key(tmp_path: Path, show: OpenPage) -> None:
    """Its key is its heading, and is not said twice; its task's id never stands in a key's place."""
    page = show(written(tmp_path, Recorded(key="one", prompt=None), Recorded(key="two")))
    assert page.locator("#grid .heading").all_inner_texts() == ["one", "a cat"]
    assert keys(page) == ["", "two"]


def test_an_unread_journal_is_named(tmp_path: Path, show: OpenPage) -> None:
    """Above the files of its folder, which are shown all the same."""
    file_in(tmp_path, "one.mp4")
    written(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shots.db")) as database:
        database.execute("PRAGMA user_version = 99")
    write_page(source_of(tmp_path), tmp_path / "gallery.html")
    page = show((tmp_path / "gallery.html").as_uri())
    expect(page.locator("#problem")).to_have_text("Journals that cannot be read: shots.db")
    assert page.locator("#grid .heading").all_inner_texts() == ["one.mp4"]


def test_an_empty_journal_says_so(tmp_path: Path, show: OpenPage) -> None:
    """Nothing to show is a sentence, not a blank."""
    page = show(written(tmp_path))
    expect(page.locator("#empty")).to_contain_text("No shots yet")


def test_of_a_thousand_shots_few_are_in_the_page(tmp_path: Path, show: OpenPage) -> None:
    """Of 1,000 videos only those near the screen exist, however one scrolls; the times of frames are a benchmark's."""
    [first] = file_in(tmp_path, "0.mp4")
    for number in range(1, MANY):
        os.link(first, tmp_path / f"{number}.mp4")
    page = show(
        written(
            tmp_path,
            *(
                Recorded(key=f"shot-{number}", prompt=f"cat {number}", files=(tmp_path / f"{number}.mp4",))
                for number in range(MANY)
            ),
        )
    )
    wait_for_frame(page, card(page, "cat 0,"))
    measured = page.evaluate(SCROLL)
    print(f"\n{MANY} shots: {measured}")
    assert measured["cards"] <= 60
    wait_for_frame(page, card(page, f"cat {MANY - 1},"))
    assert page.locator("#grid video[src]").count() <= 60
    page.fill("#search", f"cat {MANY - 2}")
    assert keys(page) == [f"shot-{MANY - 2}"]


SCROLL = """async () => {
    const gaps = [];
    let cards = 0, before = performance.now();
    const bottom = document.documentElement.scrollHeight - innerHeight;
    for (let step = 0; step <= 180; step += 1) {
        scrollTo(0, bottom * step / 180);
        const now = await new Promise(requestAnimationFrame);
        gaps.push(now - before);
        before = now;
        cards = Math.max(cards, document.querySelectorAll('#grid li').length);
    }
    gaps.sort((a, b) => a - b);
    return { cards, median: gaps[90], p95: gaps[171], worst: gaps.at(-1) };
}"""
