"""What the tests of the gallery read and change."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cometrunway._gallery._cards import Card
from cometrunway._gallery._source import Source

CALL = re.compile(r"galleryData\((.*)\);\n")
DATA = re.compile(r'<script id="data" type="application/json">(.*?)</script>', re.DOTALL)


def data_of(page: Path) -> Any:
    """Return what a page's script reads."""
    found = DATA.search(page.read_text())
    assert found
    return json.loads(found[1])


def scripts_of(page: Path) -> dict[str, Any]:
    """Return what the scripts beside a large gallery's page hand over, by their names."""
    folder = page.parent / unquote(data_of(page)["data"]["url"])
    return dict(called(path.read_bytes().decode("ascii"), path.stem) for path in folder.iterdir())


def called(script: str, name: str) -> tuple[str, Any]:
    """Return what a script hands over, which is one call with JSON and nothing else."""
    found = CALL.fullmatch(script)
    assert found, script[:100]
    told, content, _version = json.loads(f"[{found[1]}]")
    assert told == name
    return name, content


def change(journal: Path, statement: str) -> None:
    """Change a journal behind its back."""
    with closing(sqlite3.connect(journal)) as database, database:
        database.execute(statement)


def cards_of(source: Source) -> list[Card]:
    """Return all that a source tells."""
    with source.reading() as batch:
        return list(batch.cards)
