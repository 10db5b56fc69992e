"""The verdicts on the mutants of a sample: a file of CSV, and the tables of docs/mutation.md."""

import csv
from collections.abc import Iterable
from pathlib import Path

from attrs import asdict, evolve, fields_dict, frozen

from tests.documentation.markdown import code, table
from tests.mutation.sample import PACKAGES, Chosen

PUBLISHED = Path(__file__).with_name("sample.csv")
_SHOWN = 100
"""The most characters of code in a cell."""


@frozen
class Verdict:
    """What became of a mutant.

    Args:
        package, module, line: where it is.
        operator: the kind of the change.
        before, after: the code without and with the change, in one line.
        killed_by: the test that fails, or what else kills it; "" if it survives.
        missed: "yes" if it survived when the sample was first tried, and led to a test.
        same: "yes" if the change does not change what the module does.
        why: why it survives.
    """

    package: str
    module: str
    line: str
    operator: str
    before: str
    after: str
    killed_by: str = ""
    missed: str = ""
    same: str = ""
    why: str = ""

    @classmethod
    def of(cls, one: Chosen) -> "Verdict":
        """Return the verdict on a mutant that was not tried yet."""
        mutant = one.mutant
        before, after = (" ".join(text.split()) for text in (mutant.before, mutant.after))
        return cls(one.package, one.module, str(mutant.line), mutant.operator, before, after)

    @property
    def id(self) -> tuple[str, ...]:
        """What tells it from the other mutants of a sample."""
        return self.module, self.line, self.operator, self.before, self.after

    def tried(self, killer: str | None, former: "Verdict | None" = None) -> "Verdict":
        """Return the verdict after a trial. What was known of the mutant before stays."""
        if former is None:
            return evolve(self, killed_by=killer or "")
        if killer is not None:
            return evolve(self, killed_by=killer, missed=former.missed)
        return evolve(self, same=former.same, why=former.why)


def read(path: Path) -> list[Verdict]:
    """Return the verdicts of a file, none if it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [Verdict(**row) for row in csv.DictReader(file)]


def write(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Write a file of verdicts."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields_dict(Verdict), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, verdicts))


def figures() -> str:
    """Return the table of what was killed of each package, at first and with the tests that the sample led to."""
    verdicts = read(PUBLISHED)
    rows = [_figures(code(f"_{name}"), [one for one in verdicts if one.package == name]) for name in PACKAGES]
    head = ("package", "mutants", "change nothing", "killed at first", "killed now", "survive")
    return table(head, [*rows, _figures("all", verdicts)])


def _figures(name: str, verdicts: list[Verdict]) -> tuple[str, ...]:
    same = sum(bool(verdict.same) for verdict in verdicts)
    different = len(verdicts) - same
    now = sum(bool(verdict.killed_by) for verdict in verdicts)
    first = now - sum(bool(verdict.missed) for verdict in verdicts)
    killed = (f"{number} ({100 * number / different:.1f} %)" for number in (first, now))
    return name, str(len(verdicts)), str(same), *killed, str(different - now)


def survivors() -> str:
    """Return the table of the mutants that change something and survive, and why."""
    return _reasons(verdict for verdict in read(PUBLISHED) if not verdict.killed_by and not verdict.same)


def unchanged() -> str:
    """Return the table of the mutants that change nothing, and why not."""
    return _reasons(verdict for verdict in read(PUBLISHED) if verdict.same)


def _reasons(verdicts: Iterable[Verdict]) -> str:
    rows = (
        (code(f"{one.module.removeprefix('cometrunway/')}:{one.line}"), _change(one), one.why.replace("|", "\\|"))
        for one in verdicts
    )
    return table(("line", "change", "why"), rows)


def _change(verdict: Verdict) -> str:
    if verdict.operator in {"statement left out", "keyword left out"}:
        return f"{verdict.operator}: {_cell(verdict.before)}"
    return f"{_cell(verdict.before)} becomes {_cell(verdict.after)}"


def _cell(text: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
    return code(shown) if "`" not in shown else shown
