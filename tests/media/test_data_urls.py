"""The content of `data:` URLs, whichever way it is spelled and cut."""

import base64
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometrunway._media import _data_urls
from cometrunway._media._data_urls import inline_content
from cometrunway._media._urls import is_data_url


@given(st.binary(max_size=700), st.integers(1, 9))
def test_pieces_fall_anywhere(content: bytes, step: int) -> None:
    """Base64 and percents that are cut between two steps are put together again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_data_urls, "_STEP", step)
        base64_of = quote(base64.b64encode(content).decode(), safe="=")
        assert b"".join(inline_content(f"data:;base64,{base64_of}")) == content
        assert b"".join(inline_content(f"data:,%00{quote_from_bytes(content)}")) == b"\0" + content


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    """Only `ValueError` is raised."""
    assert is_data_url(f"data:{text}")
    try:
        list(inline_content(f"data:{text}"))
        list(inline_content(f"data:;base64,{text}"))
    except ValueError:
        pass
