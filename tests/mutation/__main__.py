"""Try a sample of mutants: `python -m tests.mutation` says which are killed by the tests of their own package.

Each mutant is tried in a copy of the project. The tests that run its line come first, those of its own module before
others. A mutant survives only if all tests of its package pass.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.runs import Baseline, baseline, copy, killer, preload
from tests.mutation.sample import PACKAGES, Chosen, chosen
from tests.mutation.verdicts import PUBLISHED, Verdict, read, write

SEED = 33
SIZE = 420
_FORMER = 1_000_000_000
"""A time in the past, in seconds, from which each mutant gets one of its own: bytecode is kept by the second."""


def near_and_far(one: Chosen, known: Baseline) -> tuple[list[str], list[str]]:
    """Return the tests that run the line of a mutant, and all others of its package, quick ones first.

    If no test runs it, it runs at the import of its module or in another process, and all tests are near.
    """
    by_line = known.tests_of.get(one.module, {})
    first, last = one.mutant.statement
    touching = {test for line in range(first, last + 1) for test in by_line.get(line, ())}
    own = f"tests/{one.package}/test_{Path(one.module).stem.strip('_')}"
    passing = set(known.seconds) - set(known.failed)
    ordered = sorted(passing, key=lambda test: (not test.startswith(own), known.seconds[test], test))
    near = [test for test in ordered if test in touching] or ordered
    return near, [test for test in ordered if test not in set(near)]


def tried(root: Path, one: Chosen, known: Baseline, number: int) -> str | None:
    """Return what kills a mutant in a copy of the project; None if it survives."""
    path = root / one.module
    source, times = path.read_text(), path.stat()
    path.write_text(one.mutant.apply(source))
    os.utime(path, (_FORMER + number, _FORMER + number))
    try:
        near, far = near_and_far(one, known)
        return killer(root, near, known.seconds) or killer(root, far, known.seconds)
    finally:
        path.write_text(source)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def verdicts(sample: list[Chosen], former: dict[tuple[str, ...], Verdict]) -> Iterator[Verdict]:
    """Try the mutants of a sample, and yield the verdict on each."""
    preload()
    with copy() as root:
        for package in PACKAGES:
            of_package = [one for one in sample if one.package == package]
            known = baseline(root, package) if of_package else Baseline({}, {}, [])
            for number, one in enumerate(of_package):
                verdict = Verdict.of(one)
                yield verdict.tried(tried(root, one, known, number), former.get(verdict.id))


def main() -> None:
    """Try a sample, or those of it that survived before, and write the verdicts."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="another seed is another sample")
    parser.add_argument("--size", type=int, default=SIZE, help="how many mutants")
    parser.add_argument("--only", choices=PACKAGES, action="append", help="a package whose mutants are tried")
    parser.add_argument("--again", action="store_true", help="try only what survived, according to the file")
    parser.add_argument("--file", type=Path, default=PUBLISHED, help="where the verdicts are read and written")
    options = parser.parse_args()
    sample = [one for one in chosen(options.seed, options.size) if one.package in (options.only or PACKAGES)]
    found = {Verdict.of(one).id: Verdict.of(one) for one in sample}
    former = {verdict.id: verdict for verdict in read(options.file)}
    if options.again:
        found |= {id_: former[id_] for id_ in found if id_ in former}
        sample = [one for one in sample if not found[Verdict.of(one).id].killed_by]
    for verdict in verdicts(sample, former):
        found[verdict.id] = verdict
        print(f"{verdict.module}:{verdict.line} {verdict.operator}: {verdict.killed_by or 'SURVIVES'}", flush=True)
        write(options.file, found.values())


if __name__ == "__main__":
    main()
