"""A report as one HTML page with SVG plots. The page loads no other file."""

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from cometrunway._journal._place import Place
from cometrunway._outcome import STATUSES
from cometrunway._plurals import counted
from cometrunway._report import _plots as plots
from cometrunway._report import _words as words
from cometrunway._report._figures import Figures, Group
from cometrunway._terminal import printable

_REASONS = 50
BEGINNING_OF_PAGE = rb"<!doctype html>(?s:.){0,600}<title>Report of "
"""A pattern that matches the beginning of each page."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(figures: Figures, journal: Place) -> str:
    """Return a report as HTML."""
    style = (files("cometrunway._report") / "style.css").read_text(encoding="utf-8")
    title = _text(journal.name)
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Report of {title}</title>\n<style>\n{style}</style>",
            f"<h1>{title}</h1>\n<p>{_text(words.period(figures))}</p>",
            *_sections(figures),
        )
    )


def _sections(figures: Figures) -> Iterator[str]:
    total = figures.total
    yield _tiles(figures)
    if not total.shots:
        yield "<section><p>Nothing was submitted.</p></section>"
        return
    legend = "".join(
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="{kind}" width="10" height="10" rx="2"/></svg>'
        f"{total.kinds[kind]:,} {words.kind(kind)}</li>"
        for kind in STATUSES
        if total.kinds[kind]
    )
    yield f"<section><h2>Outcomes</h2>{plots.outcomes(total.kinds)}<ul>{legend}</ul></section>"
    spans = figures.timeline.spans()
    if spans:
        yield f"<section><h2>Ended over time</h2>{plots.timeline(spans, figures.timeline.width)}</section>"
    yield f"<section><h2>Routes and models</h2>{_groups(figures)}</section>"
    if figures.reasons:
        yield f"<section><h2>Why shots failed, were cancelled or refused</h2>{_reasons(figures)}</section>"


def _tiles(figures: Figures) -> str:
    total = figures.total
    tiles = [
        ("shots", f"{total.shots:,}"),
        ("delivered", f"{total.kinds['delivered'] / total.shots:.1%}" if total.shots else "-"),
        ("creates", f"{total.creates:,}"),
        ("files", f"{total.files:,}"),
        ("size", words.size(total.size)),
    ]
    if figures.prices is not None:
        tiles.append(("estimated cost", figures.prices.amount(total.cost + total.other_cost)))
    told = "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in tiles)
    notes = "".join(f"<p>{_text(line)}</p>" for line in words.cost(figures))
    return f"<dl>{told}</dl>{notes}"


def _groups(figures: Figures) -> str:
    known = [group.durations for group in figures.groups.values() if group.durations.count]
    least = min((durations.quantile(0.0) or 1.0 for durations in known), default=1.0) / 1.1
    most = max((durations.quantile(1.0) or 1.0 for durations in known), default=1.0) * 1.1
    costs = '<th class="n">cost' if figures.prices else ""
    heading = (
        f'<tr><th>route and model<th class="n">shots<th class="n">delivered<th class="n">creates<th class="n">median'
        f'<th class="n">p95<th>durations, {words.duration(least)} to {words.duration(most)}'
        f'<th class="n">files<th class="n">size{costs}</tr>'
    )
    rows = (_row(group, figures, least, most) for group in figures.in_order())
    note = "<p>Durations are on a logarithmic scale; the lines are the median and the 95th percentile.</p>"
    return f"<table>{heading}{''.join(rows)}</table>{note}"


def _row(group: Group, figures: Figures, least: float, most: float) -> str:
    cost = f'<td class="n">{_text(figures.prices.amount(group.cost + group.other_cost))}' if figures.prices else ""
    plot = plots.distribution(group.durations, least, most) if group.durations.count else ""
    return (
        f"<tr><td>{_text(group.route)}<br><small>{_text(group.model)}</small>"
        f'<td class="n">{group.shots:,}<td class="n">{group.kinds["delivered"]:,}<td class="n">{group.creates:,}'
        f'<td class="n">{words.duration(group.durations.quantile(0.5))}'
        f'<td class="n">{words.duration(group.durations.quantile(0.95))}<td class="plot">{plot}'
        f'<td class="n">{group.files:,}<td class="n">{words.size(group.size)}{cost}</tr>'
    )


def _reasons(figures: Figures) -> str:
    told = figures.reasons.most_common(_REASONS)
    most = told[0][1]
    rows = (
        f'<tr><td class="n">{count:,}<td>{kind}<td class="why">{_text(reason)}'
        f'<td class="plot">{plots.share(count / most, kind)}</tr>'
        for (kind, reason), count in told
    )
    rest = len(figures.reasons) - len(told)
    more = f"<p>and {counted(rest, 'more reason')}</p>" * bool(rest)
    return f'<table><tr><th class="n">shots<th>outcome<th>reason<th></tr>{"".join(rows)}</table>{more}'


def _text(text: str) -> str:
    return escape(printable(text))
