"""The command `report`, and prices on the command line."""

import asyncio
from pathlib import Path

import pytest

from tests.cli.test_main import never_asked, run, shot, write
from tests.recorded import Recorded, record

PRICES = 'currency = "USD"\n[models.gen4_turbo]\nper_second = 0.05\n[models.gen3a_turbo]\nper_second = 0.1\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a journal and prices."""
    asyncio.run(record(tmp_path / "shots.db", [Recorded(key="a"), Recorded(key="b", outcome="failed")]))
    (tmp_path / "prices.toml").write_text(PRICES)
    return tmp_path


def test_a_report_is_text_a_page_or_a_table(folder: Path) -> None:
    """As the name of the output says; a journal that is there is never replaced."""
    told = run("report", "shots.db", "--price", "prices.toml", folder=folder)
    assert told.stdout.startswith("shots.db: 2 shots: 1 delivered, 1 failed\n")
    assert "0.25 USD for what was delivered" in told.stdout
    assert run("report", "shots.db", "-o", "report.html", folder=folder).returncode == 0
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert run("report", "shots.db", "-o", "report.csv", folder=folder).returncode == 0
    assert "outcome,image_to_video,gen4_turbo,failed,1,shots" in (folder / "report.csv").read_text()
    (folder / "shots.db").rename(folder / "journal.csv")
    refused = run("report", "journal.csv", "-o", "journal.csv", folder=folder)
    assert (refused.returncode, "is a journal" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-o", "report.txt"], "report.txt"),
        (["-o", "report.html", "--price", "hole.toml"], "hole.toml: has no price for the model 'gen4_turbo'"),
        (["-o", "report.html", "--price", "absent.toml"], "absent.toml"),
    ],
)
def test_bad_input_to_a_report_changes_nothing(arguments: list[str], reason: str, folder: Path) -> None:
    """One line names it, with status 2."""
    (folder / "hole.toml").write_text("[models.other]\nper_second = 1\n")
    before = (folder / "shots.db").read_bytes()
    refused = run("report", "shots.db", *arguments, folder=folder)
    assert refused.returncode == 2
    assert reason in refused.stderr
    assert (folder / "shots.db").read_bytes() == before
    assert not list(folder.glob("report.*"))


def test_a_dry_run_estimates_the_cost(folder: Path) -> None:
    """Of what would be submitted; a model without a price is named, and nothing is sent without --dry-run either."""
    name = write(folder, shot(key="c"), shot(key="d", duration=10))
    dry = run("run", name, "--dry-run", "--price", "prices.toml", folder=folder, **never_asked())
    assert dry.returncode == 0
    assert "estimate: 1.50 USD for 2 shots" in dry.stderr
    name = write(folder, shot(key="c", model="gen4_turbo"), shot(key="d", model="veo3"))
    for options in (("--dry-run",), ()):
        refused = run("run", name, *options, "--price", "prices.toml", folder=folder, **never_asked())
        assert refused.returncode == 2
        assert "prices.toml: has no price for the model 'veo3', which 1 shot uses" in refused.stderr
