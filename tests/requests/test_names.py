"""The names of fields: their two spellings, and the nearest to a misspelt one."""

import pytest
from attrs import fields

from cometrunway import Keyframe, MotionVector, Voice
from cometrunway._requests._all_routes import ROUTES
from cometrunway._requests._names import camel_case, nearest, own_first, snake_case, unknown
from cometrunway._requests._routes import Request

KNOWN = ["prompt_text", "seed", "ratio"]


@pytest.mark.parametrize("cls", [*ROUTES.values(), Keyframe, MotionVector, Voice], ids=lambda cls: cls.__name__)
def test_each_field_of_a_request_has_two_spellings(cls: type) -> None:
    """Either is made of the other, and stays as it is."""
    for attribute in fields(cls):
        wire = camel_case(attribute.name)
        assert "_" not in wire
        assert snake_case(wire) == snake_case(attribute.name) == attribute.name
        assert camel_case(wire) == wire


def test_what_is_no_word_of_a_name_keeps_its_form() -> None:
    """A name of a gateway's own goes to the wire as it was given."""
    assert camel_case("SHOT_TYPE") == "SHOT_TYPE"
    assert camel_case("_private") == "Private"
    assert snake_case("URL") == "URL"


def test_a_misspelt_name_gets_the_nearest() -> None:
    """A name that is near none gets the list of names, of which only the first are told if there are many."""
    assert nearest("promt_text", KNOWN) == "did you mean prompt_text?"
    assert nearest("loop", KNOWN) == "known are prompt_text, seed, ratio"
    assert nearest("loop", KNOWN, most=2) == "known are prompt_text, seed and 1 more"
    assert nearest("loop", KNOWN, most=3) == "known are prompt_text, seed, ratio"


def test_of_several_unknown_names_each_is_told_and_the_list_once() -> None:
    """Known names, in either spelling, are not told."""
    assert list(unknown(["promptText", "promptTxt", "loop", "tile", "seed"], KNOWN)) == [
        "'promptTxt'; did you mean prompt_text?",
        "'loop'; known are prompt_text, seed, ratio",
        "'tile'",
    ]


@pytest.mark.parametrize("cls", ROUTES.values(), ids=lambda cls: cls.__name__)
def test_a_class_lists_its_own_fields_first(cls: type) -> None:
    """Those of every request, such as `extra`, come last."""
    of_every_request = {attribute.name for attribute in fields(Request)}
    are_last = [attribute.name in of_every_request for attribute in own_first(cls)]
    assert are_last == sorted(are_last)
    assert {attribute.name for attribute in own_first(cls)} == {attribute.name for attribute in fields(cls)}
