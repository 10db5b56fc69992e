"""Writes the data of a large gallery while the shots are read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field

from cometrunway._gallery._cards import Card, Link
from cometrunway._gallery._data_scripts import BLOCK, PAGE, Rows, Tally, data_script, in_groups


@define
class DataWriter:
    """Writes the scripts of all shots into a folder. It holds one page, and a few bytes of each other shot."""

    folder: Path
    link: Link
    url: str
    """The URL of the folder relative to the page."""
    total: int = 0
    _first: list[dict[str, Any]] = field(factory=list)
    _tally: Tally = field(factory=Tally)
    _rows: Rows = field(factory=Rows)
    _texts: list[str] = field(factory=list)

    def write(self, cards: Iterable[Card]) -> None:
        """Write all shots."""
        for page, some in enumerate(in_groups(cards, PAGE)):
            self._write_page(page, some)
            if self.total % BLOCK == 0:
                self._write_block()
        if self._texts:
            self._write_block()

    def state(self) -> dict[str, Any]:
        """Return the data within the page: the number of shots by kind, and the first shots."""
        paging = {"url": self.url, "page": PAGE, "block": BLOCK}
        return {**self._tally.to_json(), "total": self.total, "shots": self._first, "data": paging}

    def _write_page(self, page: int, cards: list[Card]) -> None:
        shots = [card.to_json(number, self.link) for number, card in enumerate(cards, start=self.total)]
        self._first = self._first or shots
        self._write(f"shots-{page}", shots)
        for card in cards:
            self._tally.add(card)
            self._rows.add(card)
            self._texts.append(card.text)
        self.total += len(cards)

    def _write_block(self) -> None:
        block = (self.total - 1) // BLOCK
        self._write(f"rows-{block}", self._rows.to_json())
        self._write(f"texts-{block}", self._texts)
        self._rows, self._texts = Rows(), []

    def _write(self, name: str, content: Any) -> None:
        (self.folder / f"{name}.js").write_text(data_script(name, content), encoding="ascii")
