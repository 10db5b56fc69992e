"""The figures of a journal."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cometrunway import Asset, Journal, Task, TaskStatus
from cometrunway._batch._journal_report import JournalReport
from cometrunway._batch._prices import Prices
from cometrunway._report._figures import Figures
from tests.recorded import Recorded, record

OUTCOMES = ["delivered", "delivered", "failed", "cancelled", "refused", "in_doubt", "accepted"]


async def journal_of(folder: Path) -> JournalReport:
    """Return the report of a journal with shots of every outcome, of which two took 10 and 20 seconds."""
    path = folder / "shots.db"
    await record(path, [Recorded(key=f"k{number}", outcome=outcome) for number, outcome in enumerate(OUTCOMES)])
    await record(path, [Recorded(key=f"timed{seconds}", outcome="accepted") for seconds in (10, 20)])
    async with Journal(path) as journal:
        for seconds in (10, 20):
            ended = Task(
                id=f"task-of-timed{seconds}",
                status=TaskStatus.SUCCEEDED,
                ended_at=datetime.fromtimestamp(1_700_000_000 + seconds, UTC),
            )
            asset = Asset(url="u", path=folder / f"{seconds}.mp4", media_type="video/mp4", size=1000, sha256="0")
            await journal.deliver(f"timed{seconds}", (asset,), task=ended, delivered_at=1_700_000_030.0)
    return JournalReport(path)


async def test_everything_is_counted_once(tmp_path: Path) -> None:
    """Outcomes, creates, reasons, durations, files and sizes, by route and model."""
    figures = Figures.of(await journal_of(tmp_path))
    [group] = figures.in_order()
    assert (group.route, group.model, group.shots) == ("image_to_video", "gen4_turbo", 9)
    assert group.kinds == {"delivered": 4, "failed": 1, "cancelled": 1, "refused": 1, "in_doubt": 1, "owed": 1}
    assert group.creates == 8
    assert group.durations.quantile(0.5) == pytest.approx(10, rel=0.01)
    assert group.durations.quantile(0.95) == pytest.approx(20, rel=0.01)
    assert (group.files, group.size, figures.media) == (2, 2000, {"video/mp4": 2})
    assert figures.reasons == {
        ("failed", "INTERNAL.BAD_OUTPUT"): 1,
        ("cancelled", "because"): 1,
        ("refused", "because"): 1,
    }


async def test_costs_are_estimated(tmp_path: Path) -> None:
    """What was delivered apart from what may not be billed; what was refused costs nothing."""
    report = await journal_of(tmp_path)
    (tmp_path / "prices.toml").write_text('currency = "EUR"\n[models.gen4_turbo]\nper_second = 0.1\n')
    figures = Figures.of(report, Prices.read(tmp_path / "prices.toml"))
    assert (figures.total.cost, figures.total.other_cost) == (Decimal("2.0"), Decimal("2.0"))
    (tmp_path / "prices.toml").write_text("[models.other]\nper_second = 0.1\n")
    with pytest.raises(ValueError, match=r"prices.toml: has no price for the model 'gen4_turbo', which 8 shots use"):
        Figures.of(report, Prices.read(tmp_path / "prices.toml"))


async def test_very_many_reasons_and_models_are_summed_up(tmp_path: Path) -> None:
    """So that a report of any journal is short, and takes little memory."""
    await record(
        tmp_path / "shots.db",
        [
            Recorded(key=str(number), outcome="refused", reason=f"reason {number}", request={"model": f"m{number}"})
            for number in range(450)
        ],
    )
    figures = Figures.of(JournalReport(tmp_path / "shots.db"))
    assert figures.total.kinds == {"refused": 450}
    assert len(figures.groups) <= 201
    assert len(figures.reasons) <= 201


async def test_a_journal_of_nothing_has_figures(tmp_path: Path) -> None:
    """All of them are zero, and no time is known."""
    await record(tmp_path / "shots.db", [])
    assert Figures.of(JournalReport(tmp_path / "shots.db")) == Figures()
