"""A real, headless Chromium, and a page that is watched for whatever it should not do."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}

OpenPage = Callable[..., "Page"]


@contextmanager
def launched() -> "Iterator[Browser]":
    """Launch the browser that COMETRUNWAY_BROWSER names, and close it; meanwhile no test can run an event loop."""
    from playwright.sync_api import sync_playwright

    executable = os.environ.get("COMETRUNWAY_BROWSER")
    if not executable:
        pytest.skip("COMETRUNWAY_BROWSER names no Chromium; nox --session browser finds or installs one")
    with sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path=executable, args=list(OPTIONS)) as browser:
            yield browser


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One browser for all."""
    with launched() as found:
        yield found


@contextmanager
def watched(browser: "Browser", url: str, **options: Any) -> "Iterator[Page]":
    """Open a page; at its end it has complained of nothing, and sent requests only to its own origin."""
    complaints: list[str] = []
    requested: list[str] = []
    with browser.new_context(**{"viewport": WIDE, "color_scheme": "light", **options}) as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(url)
        yield page
    origin = urlsplit(url)[:2]
    assert [other for other in requested if urlsplit(other)[:2] != origin and not other.startswith("data:")] == []
    assert complaints == []


@pytest.fixture
def show(browser: "Browser") -> Iterator[OpenPage]:
    """Return what opens a watched page at a URL."""
    with ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(watched(browser, url, **options))


def until(page: "Page", condition: str) -> None:
    """Wait until an expression is true in the page; its policy forbids playwright's own way, which evaluates text."""
    page.evaluate(
        f"""async () => {{
            const end = performance.now() + 15000;
            while (!({condition})) {{
                if (performance.now() > end) throw new Error("it never came true");
                await new Promise(requestAnimationFrame);
            }}
        }}"""
    )
