"""Recognises hosts, by name or address, that only this machine or a private network can reach."""

import socket
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address


class Reach(Enum):
    """Who can reach an address that is not on the public internet."""

    THIS_MACHINE = "an address of this machine"
    PRIVATE = "a private address"
    LINK = "a link-local address"
    NO_HOST = "an address that is no host's"


_REACHES = {
    Reach.THIS_MACHINE: ("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"),
    Reach.PRIVATE: (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),  # RFC 1918, RFC 6598
        *("fc00::/7", "fec0::/10", "64:ff9b:1::/48"),  # RFC 4193, RFC 3879, RFC 8215
    ),
    Reach.LINK: ("169.254.0.0/16", "fe80::/10"),
    Reach.NO_HOST: ("192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8"),
}
_LOCALHOST = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_PRIVATE_ENDS = (".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid")
"""Endings of names that the public internet does not have: RFC 6762, RFC 8375, RFC 6761, and common private ones."""
_NETWORKS = [(ip_network(text), reach) for reach, texts in _REACHES.items() for text in texts]
_EMBEDDING = {
    # The number of bits after the IPv4 address that an address of the network contains.
    ip_network("::/96"): 0,  # compatible, RFC 4291 2.5.5.1
    ip_network("::ffff:0:0/96"): 0,  # mapped, RFC 4291 2.5.5.2
    ip_network("::ffff:0:0:0/96"): 0,  # translated, RFC 2765
    ip_network("64:ff9b::/96"): 0,  # NAT64, RFC 6052
    ip_network("2002::/16"): 80,  # 6to4, RFC 3056
}


def reach_of(address: Address) -> Reach | None:
    """Return the reach of an address, or of the IPv4 address in it; None if it is on the public internet."""
    found = (reach for each in _meant(address) for network, reach in _NETWORKS if each in network)
    return next(found, None)


@lru_cache(maxsize=1024)
def literal_address(host: str) -> Address | None:
    """Return the address if a host is one, also in a form of C's `inet_aton`, such as `127.1`; else None."""
    text = host.strip("[]").partition("%")[0].rstrip(".")
    try:
        return ip_address(text)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(text)) if text[:1].isdigit() else None
    except (OSError, UnicodeError):
        return None


@lru_cache(maxsize=1024)
def reach_of_host(host: str) -> Reach | None:
    """Return the reach of a host, from its name or address alone; None if it may be on the public internet."""
    literal = literal_address(host)
    if literal is not None:
        return reach_of(literal)
    if is_localhost(host):
        return Reach.THIS_MACHINE
    name = host.rstrip(".").lower()
    return Reach.PRIVATE if "." not in name or name.endswith(_PRIVATE_ENDS) else None


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine, judged by its name or address alone."""
    literal = literal_address(host)
    return is_localhost(host) if literal is None else reach_of(literal) is Reach.THIS_MACHINE


def is_localhost(host: str) -> bool:
    """Whether a host is this machine, judged by its name."""
    name = host.rstrip(".").lower()
    return name in _LOCALHOST or name.endswith(".localhost")


def _meant(address: Address) -> Iterator[Address]:
    """Yield the address, and the IPv4 address in it if there is one."""
    yield address
    if isinstance(address, IPv6Address) and int(address) > 1:  # not `::` and `::1`
        for network, behind in _EMBEDDING.items():
            if address in network:
                yield IPv4Address(int(address) >> behind & 0xFFFFFFFF)
