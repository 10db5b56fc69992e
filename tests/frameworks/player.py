"""What a person does on the page of the examples."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def order(page: "Page") -> None:
    """Order a clip."""
    page.fill("input[name=key]", "a cat")
    page.fill("input[name=prompt]", "the cat yawns")
    page.click("button")


def wait_until_it_plays(page: "Page") -> None:
    """Wait for the clip and play some of it."""
    page.wait_for_function("document.querySelector('video').readyState >= 2", timeout=30_000)
    page.evaluate("document.querySelector('video').play()")
    page.wait_for_function("document.querySelector('video').currentTime > 0")
    assert page.evaluate("document.querySelector('video').videoWidth") > 0
