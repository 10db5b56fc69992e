"""What is kept of a submission whose request and reasons are forgotten."""

import json

import pytest

from cometrunway._journal._entry import DamagedRowError
from cometrunway._journal._pruned import kept_files, kept_request


def test_of_a_request_its_provider_is_kept() -> None:
    """And no prompt and no URL."""
    assert json.loads(kept_request('{"provider": "runway", "promptText": "a cat"}')) == {"provider": "runway"}
    assert json.loads(kept_request('{"promptText": "a cat"}')) == {}


@pytest.mark.parametrize("damaged", ["no JSON" * 100, "[1]", '"text"'])
def test_a_damaged_row_is_an_error_that_shows_its_beginning(damaged: str) -> None:
    """It is shown up to 100 characters."""
    with pytest.raises(DamagedRowError, match="a row's request cannot be read: ") as caught:
        kept_request(damaged)
    assert str(caught.value).endswith(damaged[:100])
    with pytest.raises(DamagedRowError, match="a row's files cannot be read: ") as caught:
        kept_files(damaged.replace("[1]", "1"))
    assert len(str(caught.value)) < 140
