"""The plots of a report as SVG, in the colours of the page's style."""

import math
from collections import Counter
from collections.abc import Sequence

from cometrunway._outcome import STATUSES
from cometrunway._report import _words as words
from cometrunway._report._distribution import Durations
from cometrunway._tasks import moment

_WIDTH, _HEIGHT = 960, 150
_STRIP, _STRIP_HEIGHT, _BARS = 360, 28, 45


def outcomes(kinds: Counter[str]) -> str:
    """Return one bar. Its parts are the outcomes of all shots."""
    total, x, parts = kinds.total(), 0.0, []
    for kind in STATUSES:
        if kinds[kind]:
            width = _WIDTH * kinds[kind] / total
            label = f"{kinds[kind]:,} {words.kind(kind)}"
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" width="{max(width - 1.5, 1.5):.1f}" height="22" rx="2">'
                f"<title>{label}</title></rect>"
            )
            x += width
    return _svg(_WIDTH, 22, parts, "How many shots came to what")


def timeline(spans: Sequence[tuple[float, Counter[str]]], width: int) -> str:
    """Return the plot of the shots that ended in each time span: successes at the bottom, other ends on top."""
    most = max(ended.total() for _, ended in spans)
    step = _WIDTH / len(spans)
    parts = [f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>']
    for number, (begins, ended) in enumerate(spans):
        y = float(_HEIGHT)
        for kind in STATUSES:
            if ended[kind]:
                height = (_HEIGHT - 4) * ended[kind] / most
                y -= height
                parts.append(
                    f'<rect class="{kind}" x="{number * step:.1f}" y="{y:.1f}" width="{max(step - 1, 0.8):.1f}" '
                    f'height="{height:.1f}"><title>{_time(begins)}: {ended[kind]:,} {words.kind(kind)}</title></rect>'
                )
    labels = _time(spans[0][0]), f"at most {most:,} in {_span(width)}", _time(spans[-1][0] + width)
    told = "".join(f"<span>{label}</span>" for label in labels)
    return _svg(_WIDTH, _HEIGHT, parts, "How many shots ended when") + f'<p class="labels">{told}</p>'


def distribution(durations: Durations, least: float, most: float) -> str:
    """Return the distribution of a group's durations on a logarithmic axis, with lines at the median and at p95."""
    step = _STRIP / _BARS
    parts = [
        f'<rect class="bar" x="{number * step:.1f}" y="{_STRIP_HEIGHT * (1 - share):.1f}" width="{step - 1:.1f}" '
        f'height="{_STRIP_HEIGHT * share:.1f}"/>'
        for number, share in enumerate(durations.shares(least, most, _BARS))
        if share
    ]
    parts.append(f'<line class="axis" x1="0" x2="{_STRIP}" y1="{_STRIP_HEIGHT}" y2="{_STRIP_HEIGHT}"/>')
    for name, part in (("median", 0.5), ("p95", 0.95)):
        seconds = durations.quantile(part) or least
        x = _STRIP * math.log(seconds / least) / math.log(most / least)
        title = f"<title>{name}: {words.duration(seconds)}</title>"
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="-4" y2="{_STRIP_HEIGHT}">{title}</line>')
    return _svg(_STRIP, _STRIP_HEIGHT + 1, parts, "How long tasks took")


def share(part: float, kind: str) -> str:
    """Return a bar. Its length is a part of the whole, from 0 to 1."""
    return _svg(_STRIP, 10, [f'<rect class="{kind}" width="{max(_STRIP * part, 2):.1f}" height="10" rx="2"/>'], "")


def _svg(width: int, height: int, parts: Sequence[str], title: str) -> str:
    label = f'role="img" aria-label="{title}"' if title else 'aria-hidden="true"'
    return f'<svg viewBox="0 0 {width} {height}" {label}>{"".join(parts)}</svg>'


def _time(seconds: float) -> str:
    found = moment(seconds)
    return f"{found.astimezone():%Y-%m-%d %H:%M}" if found else ""


def _span(seconds: int) -> str:
    minutes = seconds // 60
    if minutes < 120:
        return "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes / 60:,.0f} hours" if minutes < 2880 else f"{minutes / 1440:,.0f} days"
