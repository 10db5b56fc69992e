"""The data for the page's script."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometrunway._gallery._cards import Card
from cometrunway._gallery._data_scripts import Rows, Tally, as_script_data, data_script, in_groups


@given(st.text(st.characters()), st.text("</!-->script&\u2028\u2029{}"))
def test_data_stays_data(text: str, markup: str) -> None:
    """Whatever a prompt is, no HTML parser sees markup in it, and the script reads it as it was."""
    encoded = as_script_data({"prompt": text, markup: markup})
    assert encoded.isascii()
    assert not set(encoded) & set("<>&")
    assert json.loads(encoded) == {"prompt": text, markup: markup}


def test_what_is_no_json_is_no_data() -> None:
    """No browser would read it."""
    with pytest.raises(ValueError, match="JSON"):
        as_script_data(float("nan"))


def test_a_script_calls_one_function_with_data() -> None:
    """Its name, its content and the version of a live page; nothing in them ends the call."""
    assert data_script("shots-0", [1]) == 'galleryData("shots-0",[1],null);\n'
    assert data_script("</script>", {"a": None}, version=3) == 'galleryData("\\u003c/script\\u003e",{"a":null},3);\n'


def some() -> list[Card]:
    """Return a few shots."""
    return [
        Card(key="a", status="delivered", route="r", created_at=1.0, request={"model": "m", "duration": 5}),
        Card(key="b", status="failed", route="r", created_at=float("inf")),
        Card(key="c", status="delivered", route="r", request={"model": "m"}),
    ]


def test_shots_are_counted_by_status_route_and_model() -> None:
    """What is known of no shot is not offered for sorting. What is counted out again is not there."""
    tally = Tally()
    assert tally.to_json() == {"counts": {"status": {}, "route": {}, "model": {}}, "known": []}
    for card in some():
        tally.add(card)
    counts = {"status": {"delivered": 2, "failed": 1}, "route": {"r": 3}, "model": {"m": 2}}
    assert tally.to_json() == {"counts": counts, "known": ["created", "seconds"]}
    tally.count(some()[1].kind, by=-1)
    assert tally.to_json()["counts"]["status"] == {"delivered": 2}


def test_rows_have_one_value_for_each_shot() -> None:
    """Column by column, with each kind once; also for a shot that is gone."""
    rows = Rows()
    for card in (*some(), None):
        rows.add(card)
    assert rows.to_json() == {
        "kinds": [("delivered", "r", "m"), ("failed", "r", None)],
        "kind": [0, 1, 0, None],
        "key": ["a", "b", "c", None],
        "created": [1.0, None, None, None],
        "seconds": [5, None, None, None],
    }


def test_groups_hold_every_item_once() -> None:
    """The last one may be shorter; of nothing there is none."""
    assert list(in_groups(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_groups([], 2)) == []
