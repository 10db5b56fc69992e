"""The values of tables: what is missing is not given, and a number is what it was before it was in a table."""

import json
from decimal import Decimal
from typing import Any

import pytest

from cometrunway import ImageToVideo, ProGenerate, request_from_dict
from cometrunway._wire._encode import encode
from tests.wire.test_mapping import HOOK, IMAGE, VIDEO, refusal


class Scalar:
    """Behaves as a scalar or an array of numpy does, for what is asked of it here."""

    dtype = "object"

    def __init__(self, value: object) -> None:
        self._value = value

    def tolist(self) -> object:
        return self._value


class NAType:
    """Behaves as pandas' NA does: every comparison with it is NA, and NA is neither true nor false."""

    def __eq__(self, _other: object) -> "NAType":  # type: ignore[override]  # that is the point
        return self

    __ne__ = __eq__  # type: ignore[assignment]
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


class Series:
    """Behaves as a row of a DataFrame does: no Mapping, but `dict` takes it."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    def keys(self) -> list[str]:
        return list(self._values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]


MISSING = [None, float("nan"), NAType(), Scalar(float("nan")), Scalar(None), Decimal("NaN")]


@pytest.mark.parametrize("missing", MISSING, ids=lambda value: type(value).__name__)
def test_what_is_missing_is_not_given(missing: object) -> None:
    """None, NaN and pandas' NA are no values in fields, unknown ones too, in options, in objects and in lists."""
    generate = {"route": "pro_generate", "prompt": "a", "callback_url": HOOK, "key": missing, "Bemerkung": missing}
    plain = request_from_dict({"route": "pro_generate", "prompt": "a", "callback_url": HOOK})
    assert request_from_dict(generate | {"seconds": missing, "image": missing, "style": missing}) == plain
    assert request_from_dict(generate | {"options": missing}) == plain
    assert request_from_dict(generate | {"options": {"flip": missing, "motion_vector": missing}}) == plain
    moved = request_from_dict(generate | {"options": {"motion_vector": {"x": 1, "y": missing}}, "seconds": missing})
    assert moved == ProGenerate(prompt="a", callback_url=HOOK, motion_vector={"x": 1})
    still = {"route": "text_to_image", "prompt_text": "a"}
    assert request_from_dict({**still, "reference_images": [{"uri": IMAGE, "tag": missing}, missing]}) == (
        request_from_dict({**still, "reference_images": [IMAGE]})
    )
    assert "promptText: given twice" not in refusal(
        {"route": "image_to_video", "promptText": missing, "prompt_text": ""}
    )


@pytest.mark.parametrize(
    "five",
    [5.0, Scalar(5), Scalar(5.0), Decimal(5), Decimal("5.00")],
    ids=["float", "int64", "float64", "decimal", "5.00"],
)
def test_a_whole_number_may_have_become_a_float(five: object) -> None:
    """Every field for whole numbers takes what pandas made of them, and sends an integer."""
    fields: list[dict[str, Any]] = [
        {"route": "image_to_video", "prompt_image": IMAGE, "duration": five, "seed": five},
        {"route": "character_performance", "character": {"uri": IMAGE, "type": "image"}, "reference": VIDEO}
        | {"expressionIntensity": five},
        {"route": "pro_generate", "prompt": "a", "callback_url": HOOK, "seconds": five},
        {"route": "pro_generate", "prompt": "a", "callback_url": HOOK, "options": {"seconds": five}},
        {"route": "pro_act_one", "video": VIDEO, "image": IMAGE, "callback_url": HOOK}
        | {"options": {"motion_multiplier": five}},
    ]
    for each in fields:
        whole = json.loads(json.dumps(each, default=lambda _: 5).replace("5.0", "5"))
        assert encode(request_from_dict(each)) == encode(request_from_dict(whole))


def test_a_number_that_need_not_be_whole_is_sent_as_it_was() -> None:
    """What an earlier version sent as 1.0 is still that request, so a journal knows it again."""
    fields = {"route": "pro_video2video", "video": VIDEO, "prompt": "a", "callback_url": HOOK}
    said = encode(request_from_dict(fields | {"structure_transformation": 1.0})).body or b""
    assert b'"structure_transformation":1.0' in said


def test_a_row_of_a_data_frame_is_a_request() -> None:
    """A row need be no Mapping, and its values none of Python's."""
    values = {"route": Scalar("image_to_video"), "prompt_image": Scalar([IMAGE, None]), "watermark": Scalar(value=True)}
    request = request_from_dict(Series({**values, "seed": Scalar(7), "prompt_text": NAType()}))
    assert request == ImageToVideo(prompt_image=[IMAGE], watermark=True, seed=7)
