"""Proxies: which variables count, which URLs are exempt, and what is no proxy."""

import pytest
from yarl import URL

from cometrunway._transport._proxies import Proxies, parsed


def chosen(url: str) -> str | None:
    """Return the URL of the proxy that the environment has for a URL."""
    proxy = Proxies.of_environment().for_url(URL(url))
    return None if proxy is None else str(proxy.url)


@pytest.mark.parametrize(
    ("variables", "url", "wanted"),
    [
        ({"HTTPS_PROXY": "http://a:1"}, "https://x.example", "http://a:1"),
        ({"https_proxy": "http://a:1"}, "https://x.example", "http://a:1"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:1"}, "https://x.example", "http://b:1"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": ""}, "https://x.example", None),
        ({"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:1"}, "https://x.example", "http://a:1"),
        ({"ALL_PROXY": "http://b:1"}, "https://x.example", "http://b:1"),
        ({"ALL_PROXY": "http://b:1"}, "http://x.example", "http://b:1"),
        ({"HTTPS_PROXY": "http://a:1"}, "http://x.example", None),
        ({"HTTP_PROXY": "http://a:1"}, "https://x.example", None),
        ({"HTTP_PROXY": "http://a:1"}, "http://x.example", "http://a:1"),
        ({"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}, "http://x.example", None),
        ({"http_proxy": "http://a:1", "REQUEST_METHOD": "GET"}, "http://x.example", "http://a:1"),
        ({"HTTPS_PROXY": "a:3128"}, "https://x.example", "http://a:3128"),
        ({"HTTPS_PROXY": "a"}, "https://x.example", "http://a"),
        ({"HTTPS_PROXY": " http://a:1/ "}, "https://x.example", "http://a:1"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, "https://x.example", "http://[::1]:3128"),
        ({"HTTPS_PROXY": "socks5h://a"}, "https://x.example", "socks5h://a:1080"),
        ({"HTTPS_PROXY": "HTTPS://A:8443"}, "https://x.example", "https://a:8443"),
        ({"HTTP_PROXY": "http://a:1"}, "http://127.0.0.1:9", None),
        ({"HTTP_PROXY": "http://a:1"}, "http://localhost:9", None),
        ({"HTTP_PROXY": "http://localhost:1"}, "http://127.0.0.1:9", "http://localhost:1"),
    ],
)
def test_variables(variables: dict[str, str], url: str, wanted: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme's own variable goes before ALL_PROXY, lower case before upper; a CGI script has no HTTP_PROXY."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert chosen(url) == wanted


@pytest.mark.parametrize(
    ("exempt", "url", "is_exempt"),
    [
        ("example.com", "https://example.com", True),
        ("example.com", "https://cdn.example.com", True),
        ("example.com", "https://notexample.com", False),
        ("example.com", "https://example.com.evil.org", False),
        (".example.com", "https://cdn.example.com", True),
        (".example.com", "https://example.com", True),
        ("*.example.com", "https://cdn.example.com", True),
        ("*.example.com", "https://cdn.example.org", False),
        ("EXAMPLE.com.", "https://Cdn.Example.COM./x", True),
        ("a.org, example.com", "https://example.com", True),
        ("a.org example.com", "https://example.com", True),
        ("*", "https://example.com", True),
        ("a.org,*", "https://example.com", True),
        ("example.com:443", "https://example.com", True),
        ("example.com:443", "https://example.com:8443", False),
        ("example.com:8443", "https://example.com:8443", True),
        (".example.com:80", "http://cdn.example.com", True),
        ("93.184.216.34", "https://93.184.216.34", True),
        ("93.184.216.34", "https://93.184.216.35", False),
        ("93.184.216.0/24", "https://93.184.216.34:9", True),
        ("93.184.0.1/16", "https://93.184.216.34", True),
        ("93.184.216.0/24", "https://example.com", False),
        ("93.184.*", "https://93.184.216.34", True),
        ("2001:db8::1", "https://[2001:db8:0::1]", True),
        ("[2001:db8::1]", "https://[2001:db8::1]", True),
        ("[2001:db8::1]:443", "https://[2001:db8::1]", True),
        ("[2001:db8::1]:80", "https://[2001:db8::1]", False),
        ("2001:db8::/32", "https://[2001:db8:9::1]", True),
        ("https://example.com", "https://example.com", True),
        ("http://example.com", "https://example.com", False),
        ("bücher.example", "https://xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "https://bücher.example", True),
        ("", "https://example.com", False),
        (",,", "https://example.com", False),
        ("nonsense/33,[,:,:x", "https://example.com", False),
    ],
)
def test_exempt(exempt: str, url: str, is_exempt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY takes names, with all below them, addresses, CIDRs, ports and `*`, as curl, requests and httpx do."""
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert (chosen(url) is None) is is_exempt


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "http://me:canary@",
        "http://me:canary@proxy:port",
        "http://me:canary@proxy:99999",
        "http://me:canary@proxy:0",
        "http://me:canary/x@proxy:3128",
        "http://me:1#canary@proxy:3128",
        "http://me:1?canary@proxy:3128",
        "http://me:canary@[::1",
        "http://me:canary@pro xy:3128",
        "ftp://me:canary@proxy:3128",
        "http://me:canary@proxy\n.example",
        "://canary",
    ],
)
def test_what_is_no_proxy_is_an_error_that_shows_no_password(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable, and nothing of its value."""
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(ValueError, match=r"^https_proxy ") as caught:
        Proxies.of_environment()
    assert "canary" not in f"{caught.value}{caught.value.__context__!r}{caught.value.__cause__!r}"


def test_what_is_not_used_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ALL_PROXY that no scheme falls back to may be anything."""
    monkeypatch.setenv("ALL_PROXY", "nonsense://x")
    monkeypatch.setenv("HTTP_PROXY", "http://a:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://b:1")
    assert chosen("https://x.example") == "http://b:1"


@pytest.mark.parametrize(
    ("userinfo", "wanted"),
    [
        ("me:secret@", ("me", "secret")),
        ("me@", ("me", None)),
        ("me%40work:p%2Fs%3As%25@", ("me@work", "p/s:s%")),
        ("DOM%5Cme:a@b@", ("DOM\\me", "a@b")),
        ("me:%E5%AF%86@", ("me", "密")),
        (":@", ("", "")),
        ("", (None, None)),
    ],
)
def test_credentials_are_percent_decoded(userinfo: str, wanted: tuple[str | None, str | None]) -> None:
    """User and password of a proxy are what their URL means, and in no repr."""
    proxy = parsed(f"http://{userinfo}proxy.example:3128", source="HTTPS_PROXY")
    assert (proxy.username, proxy.password) == wanted
    assert proxy.host == "proxy.example"
    assert "secret" not in repr(proxy)
    assert "secret" not in str(proxy.url)
