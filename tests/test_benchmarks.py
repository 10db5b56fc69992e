"""The benchmarks' page says what its data say."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import machine, page, waits

ROOT = Path(__file__).parent.parent


@pytest.fixture
def data() -> dict[str, Any]:
    """What was measured last."""
    found: dict[str, Any] = json.loads((ROOT / page.FOLDER / "data.json").read_text())
    return found


def test_the_page_agrees_with_the_data(data: dict[str, Any]) -> None:
    """Making the tables from the data anew changes nothing, and every table is there."""
    text = (ROOT / page.PAGE).read_text()
    assert page.rendered(text, data) == text
    assert not [name for name in page.TABLES if f"<!-- {name} -->" not in text]


def test_a_figure_that_changes_changes_the_page(data: dict[str, Any]) -> None:
    """The agreement is no accident: other data make another page."""
    text = (ROOT / page.PAGE).read_text()
    for run in data["waits"]:
        run["cpu"] *= 2
    assert page.rendered(text, data) != text


def test_a_client_is_measured() -> None:
    """The floor makes its tasks, polls three times at each, and what it used is told."""
    run = waits.run("bare", tasks=50, shape=waits.Shape(over=0, shortest=60, longest=60), limit=20)
    assert run["requests"] == 50 * 4
    assert not run["failures"]
    assert run["cpu"] > 0
    assert run["seconds"] < 20


def test_the_server_keeps_true_books() -> None:
    """A task ends when its time has come, not before, and every poll at it is counted."""
    with machine.server("--progress", shortest=0.2, longest=0.2) as base_url:
        task_id = machine.asked(base_url, "/runwayml/v1/image_to_video", b"{}")["id"]
        ends = machine.books(base_url)["ends"][task_id]
        before, polls = time.monotonic(), 1
        while (body := machine.asked(base_url, f"/runwayml/v1/tasks/{task_id}"))["status"] == "RUNNING":
            assert before < ends
            assert 0 < body["progress"] < 1
            before, polls = time.monotonic(), polls + 1
        assert time.monotonic() >= ends
        assert machine.books(base_url)["polls"] == polls
