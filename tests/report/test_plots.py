"""The plots of a report, as far as a program can look at them."""

import re
from collections import Counter

import pytest

from cometrunway._report import _plots as plots
from cometrunway._report._distribution import Durations
from tests.report.made import BEGUN, figures


def numbers(svg: str, name: str, kind: str = "") -> list[float]:
    """Return an attribute of each rectangle or line of a class."""
    elements = re.findall(rf'<(?:rect|line) class="{kind or "[a-z_]+"}"[^>]*>', svg)
    return [float(found[1]) for element in elements for found in [re.search(rf' {name}="([-\d.]+)"', element)] if found]


def test_outcomes_share_one_bar() -> None:
    """Each part is as wide as its share, begins where the last one ends, and says how many shots it is."""
    svg = plots.outcomes(Counter(delivered=3, in_doubt=1))
    assert numbers(svg, "x") == [0.0, 720.0]
    assert numbers(svg, "width") == pytest.approx([720.0, 240.0], abs=2)
    assert "<title>1 in doubt</title>" in svg


def test_a_rare_outcome_is_visible() -> None:
    """One failure of a million is seen."""
    assert numbers(plots.outcomes(Counter(delivered=10**6, failed=1)), "width", "failed")[0] > 1


def test_ends_are_stacked_over_their_time() -> None:
    """Successes stand on the axis, other ends on top of them, and the fullest span fills the plot."""
    svg = plots.timeline([(BEGUN, Counter(failed=1, delivered=3)), (BEGUN + 60, Counter(delivered=2))], 60)
    tops, heights = numbers(svg, "y", "delivered"), numbers(svg, "height", "delivered")
    assert [top + height for top, height in zip(tops, heights, strict=True)] == pytest.approx([150.0, 150.0], abs=0.11)
    [failed] = numbers(svg, "y", "failed")
    assert failed == pytest.approx(4.0)
    assert failed + numbers(svg, "height", "failed")[0] == pytest.approx(tops[0], abs=0.11)
    assert heights[1] / heights[0] == pytest.approx(2 / 3, abs=0.01)
    assert "at most 4 in a minute" in svg


def test_the_marks_of_a_distribution_are_its_quantiles() -> None:
    """On a logarithmic axis, the median of durations from 10 to 1000 that is 100 is in the middle."""
    durations = Durations()
    for seconds in (10.0, 100.0, 1000.0):
        durations.add(seconds)
    svg = plots.distribution(durations, 10.0, 1000.0)
    assert numbers(svg, "x1", "mark") == pytest.approx([180.0, 360.0], abs=2)
    assert "<title>median: 99.9 s</title>" in svg


def test_each_plot_says_what_it_shows() -> None:
    """To those who do not see it; a bar beside its number is left out."""
    spans = figures().timeline.spans()
    for svg in (plots.outcomes(Counter(delivered=1)), plots.timeline(spans, 60), plots.distribution(Durations(), 1, 9)):
        assert re.search(r'<svg [^>]*role="img" aria-label="How [^"]+"', svg)
    assert 'aria-hidden="true"' in plots.share(0.5, "failed")
