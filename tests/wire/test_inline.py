"""Files that stand in the answer itself."""

import base64
from typing import Any

import pytest

from cometrunway._wire._inline import inline_member, inline_url
from tests.answers import looked
from tests.samples import MP4, PNG

VIDEO, STILL = base64.b64encode(MP4).decode(), base64.b64encode(PNG).decode()
URL = "https://cdn.example.com/a.mp4"


@pytest.mark.parametrize(
    ("members", "outputs"),
    [
        ({"output": [f"data:video/mp4;base64,{VIDEO}"]}, (f"data:video/mp4;base64,{VIDEO}",)),
        ({"output": [URL, {"b64_json": VIDEO}]}, (URL, f"data:video/mp4;base64,{VIDEO}")),
        ({"output": {"base64": VIDEO, "mime_type": "video/webm"}}, (f"data:video/webm;base64,{VIDEO}",)),
        ({"data": [{"b64_json": STILL}]}, (f"data:image/png;base64,{STILL}",)),
        ({"result": {"video_base64": VIDEO}}, (f"data:video/mp4;base64,{VIDEO}",)),
        ({"files": [{"inlineData": {"mimeType": "image/png", "data": STILL}}]}, (f"data:image/png;base64,{STILL}",)),
        ({"results": [{"bytesBase64Encoded": VIDEO, "mimeType": "video/mp4"}]}, (f"data:video/mp4;base64,{VIDEO}",)),
        ({"result": {"b64_json": f"data:video/mp4;base64,{VIDEO}"}}, (f"data:video/mp4;base64,{VIDEO}",)),
    ],
)
def test_an_inline_file_is_an_output(members: dict[str, Any], outputs: tuple[str, ...]) -> None:
    """A `data:` URL, or base64 beside a media type, alone or beside URLs, in the order of the answer."""
    assert looked({"id": "x", "status": "SUCCEEDED", **members}).outputs == outputs


@pytest.mark.parametrize(
    "value",
    [
        *("", "data:", "data:video/mp4;base64,", "data:text/html,<b>", "video/mp4", "data:application/json,{}"),
        *({}, {"b64_json": ""}, {"b64_json": "no base64 at all!"}, {"b64_json": None}, {"data": VIDEO}),
        *({"data": VIDEO, "type": "text/plain"}, {"base64": True}, {"content": "some words", "type": "video/mp4"}),
    ],
)
def test_other_texts_are_no_files(value: Any) -> None:
    """A text, a page, or base64 of which nothing says that it is a file, is none."""
    found = inline_url(value) if isinstance(value, str) else inline_member(value)
    assert found is None
