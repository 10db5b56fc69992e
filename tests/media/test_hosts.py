"""Hosts that only this machine or a private network can reach, by their names or addresses alone."""

import pytest

from cometrunway._media._hosts import Reach, is_this_machine, reach_of_host

REACHES = {
    Reach.THIS_MACHINE: [
        "127.0.0.1",
        "127.255.0.1",
        "0.0.0.0",  # noqa: S104 - no address is bound
        "::1",
        "::",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "[::1]",
    ],
    Reach.PRIVATE: [
        *(
            "10.0.0.5",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
        ),
        *("fd00:ec2::254", "fc00::1", "fec0::1", "64:ff9b:1::1"),
    ],
    Reach.LINK: ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    Reach.NO_HOST: ["192.0.0.192", "224.0.0.1", "255.255.255.255", "ff02::1"],
    None: [
        *("1.1.1.1", "11.0.0.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.128.0.1", "198.18.0.7", "192.0.2.1"),
        "2606:4700::1111",
    ],
}
"""198.18.0.0/15 is what tunnels that answer each name themselves give out."""
ADDRESSES = [(address, reach) for reach, addresses in REACHES.items() for address in addresses]


@pytest.mark.parametrize(("address", "reach"), ADDRESSES)
def test_an_address_says_who_can_reach_it(address: str, reach: Reach | None) -> None:
    """In each form that C and URLs know."""
    assert reach_of_host(address) is reach


@pytest.mark.parametrize(
    "form", ["::ffff:{}", "::{}", "::ffff:0:{}", "64:ff9b::{}", "2002:{:02x}{:02x}:{:02x}{:02x}::"]
)
@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("127.0.0.1", Reach.THIS_MACHINE),
        ("10.0.0.5", Reach.PRIVATE),
        ("169.254.169.254", Reach.LINK),
        ("1.1.1.1", None),
    ],
)
def test_an_address_within_another_counts(form: str, address: str, reach: Reach | None) -> None:
    """Mapped, compatible, translated, NAT64 and 6to4 addresses lead to the IPv4 address in them."""
    parts = map(int, address.split(".")) if "x" in form else [address]
    assert reach_of_host(form.format(*parts)) is reach


@pytest.mark.parametrize(
    ("host", "reach"),
    [
        *((host, Reach.PRIVATE) for host in ("nas", "printer.local", "db.internal", "a.lan.", "X.HOME.ARPA")),
        *((host, None) for host in ("api.example.com", "local.example.com", "1.2.3.4.example.com", "exämple.com")),
    ],
)
def test_a_name_is_judged_without_looking_it_up(host: str, reach: Reach | None) -> None:
    """By its ending: the public internet has no such names."""
    assert reach_of_host(host) is reach


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "cdn.localhost", "127.0.0.1", "::1", "[::1]", "127.1"])
def test_this_machine(host: str) -> None:
    """A host is this machine by its name or its address."""
    assert is_this_machine(host)
    assert reach_of_host(host) is Reach.THIS_MACHINE


@pytest.mark.parametrize("host", ["api.example.com", "localhost.example.com", "notlocalhost", "10.0.0.5", "1.1.1.1"])
def test_another_machine(host: str) -> None:
    """Other names are not looked up."""
    assert not is_this_machine(host)
