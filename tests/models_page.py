"""The tables of docs/models.md, made from the data on models: `python -m tests.models_page` writes them anew."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cometrunway._wire._known_models import known_models
from cometrunway._wire._provider import BUILT_IN

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
_BEGIN = "<!-- made by tests/models_page.py -->"


def page() -> str:
    """Return the page with its tables as the data have them."""
    return PAGE.read_text().partition(_BEGIN)[0] + "\n".join([_BEGIN, *_tables()]) + "\n"


def _tables() -> Iterator[str]:
    for name in BUILT_IN:
        data = known_models(name)
        yield from ("", f"## {name}", "", f"Source: {data['source']}, {data['date']}.")
        for route, models in data["routes"].items():
            yield from ("", f"### {name}: {route}", "", "| model | required | optional | values |", "|---|---|---|---|")
            yield from (_row(model, known) for model, known in models.items())


def _row(model: str, known: Mapping[str, Any]) -> str:
    values = [f"`{name}`: {_values(values)}" for name, values in known.get("values", {}).items()]
    values += [f"`{name}`: at most {most}" for name, most in known.get("most", {}).items()]
    cells = (_names(known["required"]), _names(known["optional"]), "; ".join(values))
    return f"| `{model}` | {' | '.join(cells)} |"


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _values(values: list[Any]) -> str:
    is_range = len(values) > 2 and isinstance(values[0], int) and values == [*range(values[0], values[-1] + 1)]
    if is_range:
        return f"{values[0]} to {values[-1]}"
    return " ".join(map(str, values))


if __name__ == "__main__":
    PAGE.write_text(page())
