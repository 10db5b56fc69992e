"""Hosts that only this machine or a private network can reach, by their names or addresses alone."""

import pytest

from cometrunway._media._hosts import is_this_machine
from cometrunway._transport._addresses import PrivateAddressError


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "cdn.localhost", "127.0.0.1", "::1", "[::1]", "127.1"])
def test_this_machine(host: str) -> None:
    """A host is this machine by its name or its address."""
    assert is_this_machine(host)
    with pytest.raises(PrivateAddressError):
        PUBLIC.check_name(host)


@pytest.mark.parametrize("host", ["api.example.com", "localhost.example.com", "notlocalhost", "10.0.0.5", "1.1.1.1"])
def test_another_machine(host: str) -> None:
    """Other names are not looked up."""
    assert not is_this_machine(host)
