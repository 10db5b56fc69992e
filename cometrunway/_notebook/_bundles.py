"""Displays each kind of value as HTML and as text."""

from collections.abc import Iterable
from functools import singledispatch
from itertools import chain, islice

from attrs import evolve

from cometrunway._handle import TaskHandle, future_of
from cometrunway._journal._entries import Entries
from cometrunway._journal._entry import Entry
from cometrunway._media._urls import without_query
from cometrunway._notebook._captions import Assets, Caption, caption_of
from cometrunway._notebook._html import BAD, MUTED, Html, facts, joined, tag
from cometrunway._notebook._media import player, size_of
from cometrunway._outcome import Outcome
from cometrunway._plurals import counted
from cometrunway._submission._batch import Batch, outcome_of
from cometrunway._tasks import Asset, Task
from cometrunway._terminal import printable

_SHOWN = 48
"""The largest number of shots in the grid of a batch."""
_ROWS = 100
"""The largest number of entries in a table."""
_BOX = "border:1px solid rgba(128,128,128,.35);border-radius:8px;padding:8px;overflow-wrap:anywhere"
_GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:8px"
_LINE = "display:flex;flex-wrap:wrap;gap:0 12px;align-items:baseline"


def bundle_of(value: object) -> dict[str, str]:
    """Return a value by MIME type. A front end chooses the best type that it knows. Text is always included."""
    return {"text/plain": text_of(value), "text/html": tag("div", _html(value))}


@singledispatch
def text_of(value: object) -> str:
    """Return a value as text, for front ends without HTML."""
    return repr(value)


@singledispatch
def _html(value: object) -> Html:
    return tag("pre", repr(value))


@_html.register
def _(asset: Asset) -> Html:
    return _figure(asset, caption_of(asset))


@_html.register
def _(assets: Assets) -> Html:
    return joined(*(_figure(asset, caption_of(asset)) for asset in assets))


@text_of.register
def _(assets: Assets) -> str:
    return "\n".join(map(repr, assets))


@_html.register
def _(task: Task) -> Html:
    seconds = None if task.seconds is None else f"{task.seconds:.1f} s"
    progress = None if task.progress is None else f"{task.progress:.0%}"
    rows: list[tuple[str, str | None]] = [
        ("id", task.id),
        ("status", facts(task.status.value, progress)),
        ("created", task.created_at.isoformat(timespec="seconds") if task.created_at else None),
        ("took", seconds),
        *(("output", without_query(url)) for url in task.outputs),
    ]
    cells = (tag("tr", tag("th", name, style="text-align:left"), tag("td", told)) for name, told in rows if told)
    table = tag("table", joined(*cells))
    return joined(table, _why(str(task.failure))) if task.failure else table


@text_of.register
def _(task: Task) -> str:
    return repr(task) if task.failure is None else f"{task!r}\n{printable(task.failure)}"


@_html.register
def _(handle: TaskHandle) -> Html:
    future = future_of(handle)
    if future is None:
        return tag("pre", repr(handle))
    outcome, caption = outcome_of(future), Caption.of(future)
    if not handle.done():
        outcome = evolve(outcome, status=handle.task.status.value.lower() if handle.task else "submitted")
    progress = handle.task.progress if handle.task and not handle.done() else None
    bar = () if progress is None else (tag("progress", value=str(progress), max="1", title="how much is done"),)
    head = _head(outcome, facts(handle.route, caption.model, handle.id))
    return joined(head, *bar, *(_figure(asset, caption) for asset in outcome.assets), *_reason(outcome))


@text_of.register
def _(handle: TaskHandle) -> str:
    future = future_of(handle)
    reason = None if future is None else outcome_of(future).reason
    return f"{handle!r}\n{printable(reason)}" if reason else repr(handle)


@_html.register
def _(entry: Entry) -> Html:
    outcome, caption = entry.outcome(is_written=True), Caption.of_entry(entry)
    head = _head(outcome, facts(entry.route, caption.model, entry.task_id))
    return joined(head, *(_figure(asset, caption) for asset in entry.assets), *_reason(outcome))


@_html.register
def _(entries: Entries) -> Html:
    outcomes = [entry.outcome(is_written=entries.is_written) for entry in entries[:_ROWS]]
    names = ("key", "status", "seconds", "path", "reason")
    heads = joined(*(tag("th", name, style="text-align:left") for name in names))
    rows = (
        joined(*(tag("td", _cell(outcome.to_record()[name]), style="text-align:left") for name in names))
        for outcome in outcomes
    )
    more = (tag("div", f"and {len(entries) - _ROWS:,} more", style=MUTED),) if len(entries) > _ROWS else ()
    count = tag("div", counted(len(entries), "entry", "entries"))
    return joined(count, tag("table", joined(*(tag("tr", row) for row in (heads, *rows)))), *more)


@text_of.register
def _(entries: Entries) -> str:
    outcomes = (entry.outcome(is_written=entries.is_written) for entry in entries[:_ROWS])
    return "\n".join([counted(len(entries), "entry", "entries"), *map(_line, outcomes)])


@_html.register
def _(batch: Batch) -> Html:
    futures = batch.futures.kept()[:_SHOWN]
    shown = [_card(outcome_of(future), Caption.of(future)) for future in futures]
    more = batch.futures.counts().total() - len(shown)
    rest = (tag("div", f"and {more:,} more", style=MUTED),) if more > 0 else ()
    return joined(tag("div", _counts(batch)), tag("div", *shown, style=_GRID), *rest)


@text_of.register
def _(batch: Batch) -> str:
    outcomes = map(outcome_of, batch.futures.kept()[:_SHOWN])
    return "\n".join([repr(batch), *(_line(outcome) for outcome in outcomes if outcome.reason)])


def _counts(batch: Batch) -> str:
    counts = [f"{number:,} {status.replace('_', ' ')}" for status, number in batch.counts.items()]
    return facts(*counts) or "nothing submitted yet: await the batch, or iterate over it"


def _head(outcome: Outcome, told: str) -> Html:
    status = outcome.status.replace("_", " ")
    style = BAD if outcome.status in {"failed", "refused"} else None
    seconds = "" if outcome.seconds is None else f" in {outcome.seconds:.1f} s"
    return tag(
        "div",
        tag("b", outcome.key or outcome.task_id or outcome.route),
        tag("span", f"{status}{seconds}", style=style),
        tag("span", told, style=MUTED),
        style=_LINE,
    )


def _card(outcome: Outcome, caption: Caption) -> Html:
    media = (player(asset, is_small=True) for asset in islice(outcome.assets, 1))
    return tag("div", *media, _head(outcome, caption.prompt or ""), *_reason(outcome), style=_BOX)


def _figure(asset: Asset, caption: Caption) -> Html:
    name = asset.path.name if asset.path else None
    told = facts(caption.key, caption.model, caption.duration, size_of(asset.size), name)
    return tag("figure", player(asset, is_small=False), tag("figcaption", told, style=MUTED), style="margin:8px 0")


def _reason(outcome: Outcome) -> Iterable[Html]:
    return (_why(outcome.reason),) if outcome.reason else ()


def _why(reason: str) -> Html:
    return tag("div", reason, style=f"{BAD};overflow-wrap:anywhere")


def _line(outcome: Outcome) -> str:
    told = (outcome.key or outcome.task_id or outcome.route, outcome.status, outcome.reason or "")
    return printable("  ".join(chain(["  "], told))).rstrip()


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
