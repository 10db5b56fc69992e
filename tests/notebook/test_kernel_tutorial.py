"""`docs/notebook-tutorial.ipynb`: it runs from top to bottom, shows what is true, and its videos play in a browser."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Journal
from tests.browser.conftest import launched, watched

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook-tutorial.ipynb"
PLAY = """async () => {
    const videos = [...document.querySelectorAll("video")];
    for (const video of videos) {
        await video.play();
        while (!(video.currentTime > 0)) await new Promise(requestAnimationFrame);
        video.pause();
    }
    return videos.length;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebook runs."""
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def ran(environment: dict[str, str], folder: Path) -> Any:
    """The notebook after it ran in a real kernel, as it would be saved."""
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client_type = pytest.importorskip("nbclient").NotebookClient
    client_type(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute(env=environment)
    return notebook


def saved(notebook: Any, media_type: str) -> str:
    """Return all that a notebook shows in one form."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "\n".join(output.get("data", {}).get(media_type, "") for output in outputs)


def test_the_repository_keeps_no_outputs() -> None:
    """The file is small; a run makes the outputs."""
    assert NOTEBOOK.stat().st_size < 20_000
    assert '"output_type"' not in NOTEBOOK.read_text()


def test_the_saved_notebook_says_what_the_journal_says(ran: Any, folder: Path) -> None:
    """Each last state, and the table at the end, agree with the journal."""
    records = Journal.read(folder / "shots.db").to_records()
    in_batch = [record for record in records if re.fullmatch(r"cat-\d\d", record["key"])]
    again = [record for record in records if record["key"].endswith("-again")]
    said = saved(ran, "text/plain")
    counts = Counter(record["status"] for record in in_batch)
    assert f"{counts['delivered']} delivered · {counts['failed']} failed · in" in said
    assert f"<Batch {counts['delivered']} delivered, {counts['failed']} failed>" in said
    assert len(in_batch) == 24
    assert counts["failed"] == len(again) == 3
    assert {record["status"] for record in again} == {"delivered"}
    rows = re.findall(r"<td>([^<]*)</td>\s*<td>(delivered|failed)</td>", saved(ran, "text/html"))
    assert rows == [(record["key"], record["status"]) for record in records]
    assert not re.search("running|so far|not submitted|not waited", said)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_its_videos_play_in_a_browser(ran: Any, folder: Path, theme: str) -> None:
    """A page made of the saved notebook plays each video, and complains of nothing, without any of our own script."""
    body, _ = pytest.importorskip("nbconvert").HTMLExporter(theme=theme).from_notebook_node(ran)
    page_file = folder / f"{theme}.html"
    page_file.write_text(re.sub(r"<script.*?</script>", "", body, flags=re.DOTALL))  # nbconvert's load from elsewhere
    with launched() as browser, watched(browser, page_file.as_uri(), color_scheme=theme) as page:
        assert page.evaluate(PLAY) == 26
        assert page.get_by_text("The generated output was unusable.").count() >= 3
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
