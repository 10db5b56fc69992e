"""The sample: mutants spread evenly over the lines of the packages, chosen by a seed."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from attrs import frozen

from tests.mutation.operators import Mutant, mutants

ROOT = Path(__file__).parents[2]
PACKAGES = ("submission", "polling", "delivery", "journal", "wire")
"""The packages that are changed; `_journal/_postgres` is left out, because its tests need a server."""


@frozen
class Chosen:
    """A mutant of the sample.

    Args:
        package: the name of its package, without the underscore, which is the folder of its tests.
        module: the path of its module in the project.
    """

    package: str
    module: str
    mutant: Mutant


def chosen(seed: int, size: int, root: Path = ROOT) -> list[Chosen]:
    """Return a sample of `size` mutants.

    All lines that have mutants are divided, in their order, into `size` parts. Of each part one line is chosen, of its
    mutants one kind, and of this kind one mutant.
    """
    lines = list(_lines(root))
    rng = Random(seed)
    sample = []
    for number in range(size):
        package, module, found = lines[rng.randrange(number * len(lines) // size, (number + 1) * len(lines) // size)]
        operator = rng.choice(sorted({mutant.operator for mutant in found}))
        mutant = rng.choice([mutant for mutant in found if mutant.operator == operator])
        sample.append(Chosen(package, module, mutant))
    return sample


def _lines(root: Path) -> Iterator[tuple[str, str, list[Mutant]]]:
    for package in PACKAGES:
        for path in sorted((root / "cometrunway" / f"_{package}").glob("*.py")):
            by_line: dict[int, list[Mutant]] = {}
            for mutant in mutants(path.read_text()):
                by_line.setdefault(mutant.line, []).append(mutant)
            for line in sorted(by_line):
                yield package, path.relative_to(root).as_posix(), by_line[line]
