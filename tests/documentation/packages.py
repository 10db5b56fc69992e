"""The drawing and the table of docs/architecture.md: the packages, level by level."""

import ast
import re
from html import escape

from tests.documentation.markdown import DOCS, code, table
from tests.test_architecture import LEVELS, PACKAGE

DRAWING = DOCS / "architecture.svg"
WAY = {"_requests", "_submission", "_polling", "_delivery"}
"""What a task passes through."""
_WIDTH, _ROW, _BOX, _GAP, _LETTER = 660, 36, 26, 10, 7.4
_LEFT = 60


def packages() -> str:
    """Return the table of packages and modules of the top level, from the command down to the values."""
    drawn = [name for names in reversed(LEVELS) for name in sorted(names)] + ["emulator"]
    rows = ((code(name), _purpose(name)) for name in drawn if name != "__main__")
    return table(("package or module", "what it is for"), rows)


def drawing() -> str:
    """Return the levels as SVG; colours and text are readable on a light and on a dark page."""
    rows = [row for number, names in enumerate(reversed(LEVELS)) for row in _row(number, sorted(names))]
    height = len(LEVELS) * _ROW
    arrow = (
        f'<path d="M30 10 V{height - 14} m-6 -10 l6 10 l6 -10" fill="none" stroke="#888" stroke-width="2"/>'
        f'<text x="-{height / 2:.0f}" y="20" transform="rotate(-90)" fill="#888">imports go down only</text>'
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-size="12" text-anchor="middle"'
    )
    return "\n".join([f'{head} font-family="monospace" role="img">', arrow, *rows, "</svg>", ""])


def _row(number: int, names: list[str]) -> list[str]:
    widths = [len(name) * _LETTER + 20 for name in names]
    x = _LEFT + (_WIDTH - _LEFT - sum(widths) - _GAP * (len(names) - 1)) / 2
    y = number * _ROW + 6
    found = []
    for name, width in zip(names, widths, strict=True):
        fill = "#b8460e" if name in WAY else "#2f5d9b" if (PACKAGE / name).is_dir() else "#5f6872"
        box = f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{_BOX}" rx="5" fill="{fill}"/>'
        found.append(f'{box}<text x="{x + width / 2:.0f}" y="{y + 17}" fill="#fff">{escape(name)}</text>')
        x += width + _GAP
    return found


def _purpose(name: str) -> str:
    path = PACKAGE / name / "__init__.py" if (PACKAGE / name).is_dir() else PACKAGE / f"{name}.py"
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n\n")[0]
    return re.sub(r"\s+", " ", re.split(r"(?<=\.)\s", first)[0])
