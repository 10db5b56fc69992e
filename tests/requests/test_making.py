"""The errors of making a request: all at once, with the nearest name of a misspelt field."""

import copy
import pickle
from inspect import signature
from typing import Any

import pytest

from cometrunway import ImageToVideo, records_to_shots, request_from_dict
from cometrunway._requests._all_routes import ROUTES
from tests.samples import CAT, yawn


@pytest.mark.parametrize("cls", ROUTES.values(), ids=lambda cls: cls.__name__)
def test_a_misspelt_field_is_told_with_the_nearest_name(cls: Any) -> None:
    """Every class of requests does so, with the `TypeError` of a wrong call."""
    with pytest.raises(TypeError, match=rf"{cls.__name__} has no field 'extr': did you mean extra\?"):
        cls(extr={})
    with pytest.raises(TypeError, match=rf"{cls.__name__} takes its fields by name"):
        cls(CAT)


def test_the_spelling_of_the_api_is_recognised() -> None:
    """A name in camelCase leads to ours; of several unknown names each is told."""
    with pytest.raises(
        TypeError, match=r"'promptText': did you mean prompt_text\?\nImageToVideo has no field 'loop': known"
    ):
        ImageToVideo(prompt_image=CAT, promptText="the cat yawns", loop=True)  # type: ignore[call-arg]


def test_all_wrong_values_are_told_at_once() -> None:
    """One line for each; a wrong file does not hide a wrong ratio."""
    wrong: dict[str, Any] = {"prompt_image": b"a text", "ratio": "wide!", "seed": -1, "references": [{"uri": "x"}]}
    with pytest.raises(ValueError, match="is text") as refused:
        ImageToVideo(**wrong)
    told = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in told] == [
        *("ImageToVideo.prompt_image", "ImageToVideo.ratio", "ImageToVideo.seed", "references[0]")
    ]


def test_a_mapping_tells_all_its_unknown_and_missing_fields() -> None:
    """One line for each; in a table, one line for each row."""
    wrong = {"route": "image_to_video", "promptTxt": "a", "sead": 1}
    with pytest.raises(ValueError, match="unknown field") as refused:
        request_from_dict(wrong)
    assert [line.rpartition("; ")[2] for line in str(refused.value).splitlines()] == [
        "did you mean prompt_text?",
        "did you mean seed?",
        "ImageToVideo.prompt_image: required",
    ]
    with pytest.raises(ValueError, match=r"row 0: .*prompt_text.*seed.*prompt_image: required$"):
        records_to_shots([wrong])


def test_a_request_is_otherwise_as_attrs_makes_it() -> None:
    """Its signature has the fields, and it is pickled, copied and compared."""
    assert {"prompt_image", "prompt_text", "extra"} <= signature(ImageToVideo).parameters.keys()
    request = yawn(1)
    assert pickle.loads(pickle.dumps(request)) == copy.deepcopy(request) == request  # noqa: S301 - our own
