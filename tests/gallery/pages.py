"""What the tests of the gallery read and change."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

DATA = re.compile(r'<script id="data" type="application/json">(.*?)</script>', re.DOTALL)


def data_of(page: Path) -> Any:
    """Return what a page's script reads."""
    found = DATA.search(page.read_text())
    assert found
    return json.loads(found[1])


def change(journal: Path, statement: str) -> None:
    """Change a journal behind its back."""
    with closing(sqlite3.connect(journal)) as database, database:
        database.execute(statement)
