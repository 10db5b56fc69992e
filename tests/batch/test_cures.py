"""The cures that errors name: of `Session` in a program, of the command in the command."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cometrunway
from cometrunway._batch._cures import for_the_command

PACKAGE = Path(cometrunway.__file__).parent
OF_SESSION = re.compile(r"Session\(\w")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "it is private; Session(allow_private_assets=True) allows it",
            "it is private; --allow-private-assets allows it",
        ),
        ("use Session(provider='runway')", "use --provider runway"),
        ("describe any other with Provider(...)", "describe any other in a TOML file, as --provider NAME.toml"),
        ('too large; Session(fit="shrink") makes it fit', "too large; --fit shrink makes it fit"),
        ("from the first run on: Session(journal=...).", "from the first run on: --journal."),
        (
            "no API key: set KEY in the environment, or pass Session(api_key=...)",
            "no API key: set KEY in the environment",
        ),
        ("use it within `async with Session() as runway:`", "use it within `async with Session() as runway:`"),
    ],
)
def test_a_cure_is_an_option_of_the_command(text: str, told: str) -> None:
    """An option of Session becomes that of the command with its value; one that the command lacks is left out."""
    assert for_the_command(text) == told


def test_each_cure_of_the_package_has_a_word_of_the_command() -> None:
    """No error of the package names an option of Session that the command does not know, nor one of the command too."""
    cures = [text for path in PACKAGE.rglob("*.py") for text in _texts(path.read_text()) if OF_SESSION.search(text)]
    assert len(cures) > 8
    assert not [text for text in cures if OF_SESSION.search(for_the_command(text)) or " --" in text]


def _texts(source: str) -> Iterator[str]:
    """Yield the texts of a module, without docstrings; in place of an inserted value stands `x`."""
    for node in ast.walk(ast.parse(source)) if OF_SESSION.search(source) else ():
        for child in ast.iter_child_nodes(node):
            if isinstance(node, ast.Expr | ast.JoinedStr) or not isinstance(child, ast.Constant | ast.JoinedStr):
                continue
            parts = child.values if isinstance(child, ast.JoinedStr) else [child]
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "'x'" for part in parts)
