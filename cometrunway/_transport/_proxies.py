"""Proxies: read from the environment, and chosen for each URL."""

import os
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import aiohttp
from attrs import field, frozen
from yarl import URL

from cometrunway._media._hosts import is_this_machine, literal_address

_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
_HOST_AND_PORT = r"(\[[^]]*\]|[^:]*):([0-9]+)"


class NotConnectedError(aiohttp.ClientConnectionError):
    """A connection through a SOCKS proxy, or to it, could not be made."""

    def __init__(self, host: str, os_error: OSError) -> None:
        super().__init__(os_error.strerror or str(os_error))
        self.host = host
        self.os_error = os_error


@frozen(kw_only=True)
class Proxy:
    """One proxy. Its repr does not show its credentials."""

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    source: str = field(eq=False)
    """The name of its source, such as HTTPS_PROXY."""

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy rather than an HTTP one."""
        return self.scheme.startswith("socks")

    @property
    def url(self) -> URL:
        """Its URL, without credentials."""
        return URL.build(scheme=self.scheme, host=self.host, port=self.port)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers for an HTTP proxy in each request that it reads."""
        if self.username is None:
            return {}
        credentials = f"{self.username}:{self.password or ''}".encode()
        return {"Proxy-Authorization": f"Basic {b64encode(credentials).decode()}"}


@frozen(kw_only=True, eq=False, repr=False)
class Proxies:
    """The proxies for URLs."""

    by_scheme: Mapping[str, Proxy] = field(factory=dict)
    exempt: tuple[str, ...] = ()
    """The entries of NO_PROXY."""
    is_exempt_by_system: Callable[[str], bool] = lambda _host: False

    @classmethod
    def of_environment(cls) -> "Proxies":
        """Read HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, each in upper or lower case, the latter first.

        If none is set, the settings of Windows or macOS are used. `HTTP_PROXY` is ignored in a CGI script, where it may
        come from the client's request.

        Raises:
            ValueError: a value is not the URL of a proxy. The message names the variable, and shows no password.
        """
        named = getproxies()
        by_scheme = {}
        for scheme in ("http", "https"):
            kind = scheme if named.get(scheme) else "all"
            if named.get(kind):
                by_scheme[scheme] = parsed(named[kind], source=_variable(kind))
        has_own = bool(getproxies_environment())
        return cls(
            by_scheme=by_scheme,
            exempt=tuple(entry for entry in re.split(r"[,;\s]+", named.get("no", "").lower()) if entry),
            is_exempt_by_system=_never if has_own or sys.platform == "linux" else _by_system,
        )

    def for_url(self, url: URL) -> Proxy | None:
        """Return the proxy for a URL; None for a direct connection.

        A host on this machine uses only a proxy on this machine, because 127.0.0.1 of another machine is another host.
        """
        proxy, host = self.by_scheme.get(url.scheme), url.raw_host or ""
        if proxy is None or (is_this_machine(host) and not is_this_machine(proxy.host)):
            return None
        is_exempt = any(_matches(entry, url) for entry in self.exempt) or self.is_exempt_by_system(host)
        return None if is_exempt else proxy


def parsed(value: str, *, source: str) -> Proxy:
    """Read a proxy's URL; without a scheme it is an HTTP proxy's. `ValueError` names the source, not the value."""
    text = value.strip()
    text = text if "://" in text else f"http://{text}"
    proxy = _parsed(text, source)
    if proxy is None:
        raise ValueError(
            f"{source} is not the URL of a proxy such as http://proxy.example:3128 or http://user:password@host:3128 "
            "(percent-encode special characters in a password); Session(trust_env=False) ignores it"
        )
    if proxy.scheme not in _PORTS:
        kinds = ", ".join(sorted(_PORTS))
        raise ValueError(f"{source} names a proxy of the kind {proxy.scheme!r}; known are {kinds}")
    return proxy


def _parsed(text: str, source: str) -> Proxy | None:
    try:
        parts = urlsplit(text)
        port = parts.port if parts.port is not None else _PORTS.get(parts.scheme, 1)
        # A `/`, `?` or `#` in a password makes the rest of the authority look like a path.
        is_cut = "@" in parts.path + parts.query + parts.fragment
        proxy = Proxy(
            scheme=parts.scheme,
            host=(parts.hostname or "").rstrip("."),
            port=port,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            source=source,
        )
        is_usable = bool(proxy.url.host) and port > 0 and not is_cut and text.isprintable() and " " not in text
    except ValueError:  # its text may contain the password
        return None
    return proxy if is_usable else None


def _variable(scheme: str) -> str:
    """Return the name of the environment variable with a proxy. Of two spellings the one in lower case is used."""
    wanted = f"{scheme}_proxy"
    spellings = sorted((name for name in os.environ if name.lower() == wanted and os.environ[name]), reverse=True)
    return spellings[0] if spellings else "the proxy in the system's settings"


def _never(_host: str) -> bool:
    return False


def _by_system(host: str) -> bool:
    return bool(proxy_bypass(host))


def _matches(entry: str, url: URL) -> bool:
    """Whether an entry of NO_PROXY matches a URL.

    An entry is `*`, a name (which includes its subdomains), `.name`, `*.name`, an address or a CIDR, with or without a
    port, and with or without a scheme.
    """
    scheme, separator, rest = entry.rpartition("://")
    if separator and scheme not in {url.scheme, "all"}:
        return False
    network = _network(rest)
    host = (url.raw_host or "").rstrip(".").lower()
    address = literal_address(host)
    if network is not None:
        return address is not None and address in network
    with_port = re.fullmatch(_HOST_AND_PORT, rest)
    if with_port:
        rest = with_port[1]
        if int(with_port[2]) != url.port:
            return False
    if address is not None and literal_address(rest) is not None:
        return address == literal_address(rest)
    return _is_within(host, rest.rstrip("."))


def _is_within(host: str, name: str) -> bool:
    if "*" in name:
        return fnmatchcase(host, name)
    name = _in_ascii(name.lstrip("."))
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _in_ascii(name: str) -> str:
    try:
        return URL.build(scheme="http", host=name).raw_host or ""
    except ValueError:
        return name


def _network(text: str) -> "ip_network | None":  # type: ignore[valid-type]
    if "/" not in text:
        return None
    try:
        return ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None
