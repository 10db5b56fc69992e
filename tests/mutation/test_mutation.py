"""The mutants are changes that Python can compile, and the sample is spread over all lines."""

from bisect import bisect_left
from pathlib import Path

import pytest

from tests.documentation.markdown import DOCS
from tests.mutation.operators import mutants
from tests.mutation.sample import PACKAGES, chosen
from tests.mutation.verdicts import PUBLISHED, read

SMALL = Path(__file__).parent.parent.parent / "cometrunway" / "_submission" / "_limits.py"


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("if a < b:\n    c = 1\n", {"(a <= b)", "(a >= b)", "(not a < b)", "(2)", "(0)"}),
        ("def f():\n    return x\n", {"None"}),
        ("def f():\n    raise x\n", {"pass"}),
        ("for x in y:\n    break\n", {"pass", "continue"}),
        ("x = f(a, k=b)\n", {"(f(None, k=b))", "(f(a))"}),
        ("x = f(a, b)\n", {"(f(None, b))", "(f(a, None))", "(f(b, a))"}),
        ("x = a and not b\n", {"(a or not b)", "(b)"}),
        ("x += 1\n", {"pass", "x = 1", "x -= 1", "(2)", "(0)"}),
        ("try:\n    pass\nexcept (A, B):\n    pass\n", {"((B,))", "((A,))"}),
        ('"""Text."""\nfrom a import b\nX = Callable[[int], str] | None\nassert x\ny: int\n', set()),
        ("if TYPE_CHECKING:\n    x = 1\n", set()),
    ],
)
def test_a_mutant_is_one_small_change(source: str, changed: set[str]) -> None:
    """Of a condition, an operator, a constant, an argument or a statement; what is for type checkers stays."""
    assert {mutant.after for mutant in mutants(source)} == changed


def test_each_mutant_compiles_and_is_another_program() -> None:
    """Whatever the code around it."""
    source = SMALL.read_text()
    changed = [mutant.apply(source) for mutant in mutants(source)]
    assert len({source, *changed}) == len(changed) + 1
    for text in changed:
        compile(text, "mutant", "exec", dont_inherit=True)


def test_a_sample_is_spread_evenly_and_made_again_by_its_seed() -> None:
    """Between two mutants that follow each other there are as many lines as between others, but for chance."""
    sample = chosen(7, 50)
    assert sample == chosen(7, 50)
    assert sample != chosen(8, 50)
    lines = sorted({(one.module, one.mutant.line) for one in chosen(7, 1000)})
    places = [bisect_left(lines, (one.module, one.mutant.line)) for one in sorted(sample, key=lambda one: one.module)]
    assert len(places) == 50
    assert {one.package for one in sample} == {*PACKAGES}


def test_the_page_names_each_survivor_with_a_reason() -> None:
    """A mutant of the published sample is killed by a test that exists, or there is a reason in the page."""
    verdicts = read(PUBLISHED)
    assert len(verdicts) >= 400
    page = (DOCS / "mutation.md").read_text()
    for verdict in verdicts:
        assert verdict.killed_by or verdict.why, verdict
        if not verdict.killed_by:
            assert verdict.why.replace("|", "\\|") in page
