"""The members of a request's JSON object: only what was set, in the spelling of its route."""

from pathlib import Path

from cometrunway import ImageToVideo, ProGenerate, TextToImage
from cometrunway._requests._names import camel_case
from cometrunway._wire._members import members, with_files
from tests.samples import CAT, PNG


def test_what_was_not_set_is_left_out() -> None:
    """At each level, so that no null, [] or {} is sent; False and 0 were set."""
    made = members(TextToImage(prompt_text="a", reference_images=[CAT], seed=0), camel_case)
    assert made["referenceImages"] == [{"uri": CAT}]
    assert made["seed"] == 0
    assert not [value for value in made.values() if value in (None, [], {})]
    assert members(ImageToVideo(prompt_image=CAT, watermark=False), camel_case)["watermark"] is False


def test_names_are_spelled_as_the_route_does() -> None:
    """Also in the values inside; names that the user gave for themselves stay."""
    request = ProGenerate(prompt="a", motion_vector={"bg_x_pan": 1}, extra={"new_field": {"some_name": 1}})
    assert members(request, str)["motion_vector"]["bg_x_pan"] == 1
    assert members(request, camel_case)["motionVector"]["bgXPan"] == 1
    assert members(request, camel_case)["extra"] == {"new_field": {"some_name": 1}}


def test_a_file_is_what_stands_for_it(tmp_path: Path) -> None:
    """A path or bytes stays until it is replaced, at any depth; what is no file is not touched."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    made = members(TextToImage(prompt_text="a", reference_images=[path, {"uri": PNG, "tag": "cat"}, CAT]), camel_case)
    assert [image["uri"] for image in made["referenceImages"]] == [path, PNG, CAT]
    said = with_files(made, lambda source: "path" if isinstance(source, Path) else "bytes")
    assert said["referenceImages"] == [{"uri": "path"}, {"uri": "bytes", "tag": "cat"}, {"uri": CAT}]
    assert {**said, "referenceImages": 0} == {**made, "referenceImages": 0}
