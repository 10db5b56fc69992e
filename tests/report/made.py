"""Figures like those of a journal, made without one."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

from cometrunway._batch._prices import Prices
from cometrunway._report._figures import Figures, Group

BEGUN = 1_700_000_000.0
"""When the first of the shots was submitted, in seconds since 1970."""


def figures(*, reason: str = "INTERNAL.BAD_OUTPUT", model: str = "gen4_turbo", prices: bool = False) -> Figures:
    """Return the figures of eight shots within an hour: five delivered after 10 to 50 seconds, and others."""
    group = Group(
        route="image_to_video",
        model=model,
        kinds=Counter(delivered=5, failed=1, in_doubt=1, refused=1),
        creates=7,
        files=5,
        size=1_234_567,
    )
    made = Figures(groups={(group.route, group.model): group}, reasons=Counter({("failed", reason): 1}))
    for number in range(1, 6):
        group.durations.add(10.0 * number)
        made.timeline.add(BEGUN + 600 * number, "delivered")
    made.timeline.add(BEGUN + 600, "failed")
    made.media["video/mp4"] = 5
    made.first, made.last = BEGUN, BEGUN + 3600
    if prices:
        made.prices = Prices(path=Path("prices.toml"), currency="EUR", models={})
        group.cost, group.other_cost = Decimal("1234.5"), Decimal("0.25")
    return made
