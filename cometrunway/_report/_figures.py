"""The figures of a journal. They are gathered in one pass over its rows, and no row is kept."""

from collections import Counter
from decimal import Decimal
from typing import Any

from attrs import define, field

from cometrunway._batch._journal_report import JournalReport
from cometrunway._batch._prices import Billed, Prices
from cometrunway._journal._entry import Entry, State
from cometrunway._report._distribution import Durations, Timeline

_MOST_GROUPS = 200
_MOST_REASONS = 200
_LONGEST_REASON = 160
OTHERS = "others"


@define(kw_only=True)
class Group:
    """The shots of one route and model."""

    route: str
    model: str
    kinds: Counter[str] = field(factory=Counter)
    creates: int = 0
    """Accepted, or in doubt."""
    durations: Durations = field(factory=Durations)
    """Of what was delivered."""
    files: int = 0
    size: int = 0
    """The number of bytes of all files."""
    cost: Decimal = Decimal(0)
    """Of what was delivered."""
    other_cost: Decimal = Decimal(0)
    """The cost of all other creates that were accepted or are in doubt."""

    @property
    def shots(self) -> int:
        """The number of shots."""
        return self.kinds.total()


@define(kw_only=True)
class Figures:
    """The figures of a report."""

    prices: Prices | None = None
    groups: dict[tuple[str, str], Group] = field(factory=dict)
    reasons: Counter[tuple[str, str]] = field(factory=Counter)
    """The number of failed, cancelled and refused shots, by outcome and reason."""
    timeline: Timeline = field(factory=Timeline)
    media: Counter[str] = field(factory=Counter)
    """The number of files of each media type."""
    first: float | None = None
    """The times of the first submission and of the last end, in seconds since 1970."""
    last: float | None = None
    unpriced: int = 0
    """The number of pruned shots. Their cost is not known."""

    @classmethod
    def of(cls, report: JournalReport, prices: Prices | None = None) -> "Figures":
        """Gather the figures of a journal.

        Raises:
            JournalError: the journal cannot be read.
            ValueError: a model has no price.
        """
        figures = cls(prices=prices)
        with report.reader() as journal:
            if prices is not None:
                prices.check(_billed(entry) for entry in journal.entries() if _is_billed(entry) and not entry.is_pruned)
            for entry in journal.entries():
                figures._add(entry, report.kind(entry), report.reason(entry))
        return figures

    @property
    def total(self) -> Group:
        """The sum of all groups, without durations."""
        whole = Group(route="", model="")
        for group in self.groups.values():
            whole.kinds += group.kinds
            whole.creates += group.creates
            whole.files += group.files
            whole.size += group.size
            whole.cost += group.cost
            whole.other_cost += group.other_cost
        return whole

    def in_order(self) -> list[Group]:
        """Return the groups, the largest first."""
        return sorted(self.groups.values(), key=lambda group: (-group.shots, group.route, group.model))

    def _add(self, entry: Entry, kind: str, reason: str) -> None:
        group = self._group(entry)
        group.kinds[kind] += 1
        group.creates += entry.creates - (entry.state is State.REFUSED)
        if entry.seconds is not None and kind == "delivered":
            group.durations.add(entry.seconds)
        if kind in {"failed", "cancelled", "refused"}:
            self._count_reason(kind, (entry.failure and entry.failure.code) or reason)
        self._add_files(group, entry)
        self._add_times(entry, kind)
        self._add_cost(group, entry, kind)

    def _group(self, entry: Entry) -> Group:
        name = entry.route, str(entry.request.get("model", ""))
        if name not in self.groups and len(self.groups) >= _MOST_GROUPS:
            name = OTHERS, ""
        return self.groups.setdefault(name, Group(route=name[0], model=name[1]))

    def _count_reason(self, kind: str, reason: str) -> None:
        told = kind, " ".join(reason.split())[:_LONGEST_REASON] or "no reason given"
        is_new = told not in self.reasons and len(self.reasons) >= _MOST_REASONS
        self.reasons[(kind, "other reasons") if is_new else told] += 1

    def _add_files(self, group: Group, entry: Entry) -> None:
        for asset in entry.assets:
            if asset.is_kept:
                group.files += 1
                group.size += asset.size or 0
                self.media[asset.media_type or "unknown"] += 1

    def _add_times(self, entry: Entry, kind: str) -> None:
        begun, ended = entry.submitted_at or entry.created_at, entry.ended_at or entry.delivered_at
        if begun is not None:
            self.first = begun if self.first is None else min(self.first, begun)
        if ended is not None:
            self.last = ended if self.last is None else max(self.last, ended)
            self.timeline.add(ended, kind)

    def _add_cost(self, group: Group, entry: Entry, kind: str) -> None:
        if self.prices is None or not _is_billed(entry):
            return
        if entry.is_pruned:
            self.unpriced += 1
            return
        each = self.prices.cost(_billed(entry))
        times = entry.creates - (entry.state is State.REFUSED)
        group.cost += each * (kind == "delivered")
        group.other_cost += each * (times - (kind == "delivered"))


def _is_billed(entry: Entry) -> bool:
    return entry.creates > (entry.state is State.REFUSED)


def _billed(entry: Entry) -> Billed:
    fields: dict[str, Any] = {"route": entry.route, **entry.request}
    return Billed.of(fields, images=max(1, len(entry.assets)))
