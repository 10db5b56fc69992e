"""The rule that forbids downloads of files from private addresses."""

import socket
from typing import Any

from attrs import frozen
from yarl import URL

from cometrunway._media._hosts import Reach, is_localhost, is_this_machine, literal_address, reach_of


class PrivateAddressError(OSError):
    """A connection to an address was refused. The text is always the same, so that several are one error for a host."""

    def __init__(self, address: str, reach: Reach) -> None:
        super().__init__("its address is not of the public internet")
        self.address = address
        self.reach = reach


@frozen
class AddressRule:
    """The addresses from which files may be downloaded."""

    allowed: frozenset[Reach] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is refused."""
        return self.allowed != frozenset(Reach)

    @classmethod
    def beside(cls, api_host: str, *, allow_private: bool) -> "AddressRule":
        """Return the rule for the files of an API. They may be in the same network as the API itself."""
        literal = literal_address(api_host)
        reach = None if literal is None else reach_of(literal)
        if allow_private or is_this_machine(api_host):
            return cls(frozenset(Reach))
        return cls(frozenset({reach} if reach else ()))

    def check(self, address: str) -> None:
        """Raise `PrivateAddressError` if an address, such as a socket's, is refused."""
        known = literal_address(address)
        reach = None if known is None else reach_of(known)
        if reach is not None and reach not in self.allowed:
            raise PrivateAddressError(address, reach)

    def check_name(self, host: str) -> None:
        """Raise `PrivateAddressError` if a host is refused by its name, or because its name is a refused address.

        If a proxy makes the connection, nothing more is known of the host.
        """
        if is_localhost(host) and Reach.THIS_MACHINE not in self.allowed:
            raise PrivateAddressError(host, Reach.THIS_MACHINE)
        self.check(host)

    def socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Make the socket for a connection to this address, an item of what `getaddrinfo` returns."""
        family, kind, protocol, _, peer = address
        self.check(peer[0])
        return socket.socket(family, kind, protocol)


def is_same_origin(url: URL, other: URL) -> bool:
    """Whether scheme, host and port are the same."""
    return url.origin() == other.origin()
