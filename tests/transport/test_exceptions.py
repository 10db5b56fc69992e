"""The errors of connections: which prove that nothing was sent, what is the cure, and that they show no secret."""

import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from cometrunway import errors
from cometrunway._media._hosts import Reach
from cometrunway._transport._addresses import PrivateAddressError
from cometrunway._transport._exceptions import THEIRS, ours, ours_of_host, refused_by_proxy, safe
from cometrunway._transport._proxies import NotConnectedError

KEY = ConnectionKey("api.example.com", 443, True, True, None, None, None)
PATH = "/runwayml/v1/image_to_video"
SIGNED = "https://cdn.example.com/clip.mp4?signature=canary"
REFUSED = ConnectionRefusedError(111, "Connection refused")


def failed_response(cls: type[aiohttp.ClientResponseError] = aiohttp.ClientResponseError) -> Any:
    """Return an error of aiohttp that holds the headers of its request."""
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": "Bearer canary"}))
    asked = aiohttp.RequestInfo(URL(SIGNED), "POST", headers, URL(SIGNED))
    return cls(asked, (), status=502, message="Bad Gateway", headers=headers)


def certificate_error(code: int, said: str) -> aiohttp.ClientConnectorCertificateError:
    """Return the error of a certificate that OpenSSL refused with a code."""
    inner: Any = ssl.SSLCertVerificationError()
    inner.reason, inner.verify_code, inner.verify_message = "CERTIFICATE_VERIFY_FAILED", code, said
    return aiohttp.ClientConnectorCertificateError(KEY, inner)


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ClientConnectorError(KEY, REFUSED),
        aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")),
        aiohttp.ClientProxyConnectionError(KEY, REFUSED),
        aiohttp.ConnectionTimeoutError(),
        aiohttp.InvalidURL("http://"),
        NotConnectedError("api.example.com", REFUSED),
        certificate_error(18, "self-signed certificate"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_without_a_connection_nothing_was_sent(error: Exception) -> None:
    """Only these errors prove it, so that a create may be sent again."""
    assert isinstance(error, THEIRS)
    assert not ours("POST", PATH, error, host="api.example.com").may_have_been_sent


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "Connection reset by peer"),
        aiohttp.ClientPayloadError("not all of it came"),
        aiohttp.ServerTimeoutError(),
        aiohttp.SocketTimeoutError(),
        aiohttp.ClientError("something new"),
        failed_response(),
        failed_response(aiohttp.ContentTypeError),
        TimeoutError(),
        REFUSED,
        BrokenPipeError(32, "Broken pipe"),
        ssl.SSLError(1, "bad record"),
        ValueError("a header"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_after_any_other_error_a_request_may_have_been_sent(error: Exception) -> None:
    """A create is in doubt then, and is not sent again."""
    assert isinstance(error, THEIRS)
    assert ours("POST", PATH, error).may_have_been_sent


@pytest.mark.parametrize(
    ("status", "cls", "told"),
    [
        (407, errors.ProxyError, "HTTPS_PROXY=http://user:password@host:port"),
        (403, errors.ProxyError, "NO_PROXY"),
        (408, errors.TransportError, "HTTP 408"),
        (429, errors.TransportError, "HTTP 429"),
        (502, errors.TransportError, "HTTP 502"),
    ],
)
def test_what_a_proxy_refused_was_not_sent(status: int, cls: type[Exception], told: str) -> None:
    """A passing refusal may be tried again; credentials and permissions are for the user to mend."""
    error = refused_by_proxy(f"POST {PATH}", status)
    assert type(error) is cls
    assert told in str(error)
    assert not error.may_have_been_sent
    assert error.retryable == (cls is errors.TransportError)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (10, "has expired"),
        (9, "is this machine's clock right"),
        (18, "is self-signed"),
        (19, "is self-signed"),
        (20, "from an unknown issuer"),
        (62, "for another name"),
        (23, "is refused"),
    ],
)
def test_a_certificate_that_does_not_verify_is_told_with_its_cure(code: int, told: str) -> None:
    """By OpenSSL's code; it is not tried again, for it would be refused again."""
    error = ours("POST", PATH, certificate_error(code, "said so"))
    assert isinstance(error, errors.TLSError)
    assert not error.retryable
    assert told in str(error)
    assert "said so" in str(error)
    assert error.host == "api.example.com"


@pytest.mark.parametrize(
    ("reason", "is_fact"),
    [("TLSV1_ALERT_PROTOCOL_VERSION", True), ("SSLV3_ALERT_HANDSHAKE_FAILURE", True), ("BAD_RECORD_TYPE", False)],
)
def test_a_handshake_that_broke_is_tried_again(reason: str, is_fact: bool) -> None:
    """If it is none of those that would fail again."""
    inner: Any = ssl.SSLError(1, "")
    inner.reason = reason
    error = ours("GET", PATH, aiohttp.ClientConnectorSSLError(KEY, inner))
    assert isinstance(error, errors.TLSError) == is_fact
    assert error.retryable != is_fact
    assert not error.may_have_been_sent


def test_a_refused_address_is_told_with_its_option() -> None:
    """And is not tried again."""
    inner = PrivateAddressError("10.0.0.5", Reach.PRIVATE)
    error = ours("GET", SIGNED, aiohttp.ClientConnectorError(KEY, inner))
    assert "10.0.0.5" in str(error)
    assert "Session(allow_private_assets=True)" in str(error)
    assert (error.retryable, error.may_have_been_sent) == (False, False)


@pytest.mark.parametrize("error", [failed_response(), aiohttp.InvalidURL(SIGNED), TimeoutError(SIGNED)])
def test_no_error_shows_a_key_or_a_signature(error: Exception) -> None:
    """Neither our text nor anything that can be reached from the cause, with the frames in which it passed."""
    try:
        raise error
    except type(error):
        told = ours("POST", SIGNED, error)
        cause = safe(error)
    assert "canary" not in str(told)
    assert cause is None
    assert error.__traceback__ is None
    if isinstance(error, aiohttp.ClientResponseError):
        assert "canary" not in repr(vars(error))
        assert "canary" not in repr(error)


def test_nothing_of_a_hosts_answer_is_quoted() -> None:
    """The text of what broke on the way from a host of files may hold its headers; before that it is the system's."""
    broken: Exception
    for broken in (
        aiohttp.ClientPayloadError("canary"),
        failed_response(),
        TimeoutError("canary"),
        ValueError("canary"),
    ):
        error, cause = ours_of_host("GET", "https://cdn.example.com", broken)
        assert "canary" not in str(error)
        assert cause is None
    unreached = aiohttp.ClientConnectorError(KEY, REFUSED)
    error, cause = ours_of_host("GET", "https://cdn.example.com", unreached)
    assert cause is unreached
    assert "no connection to api.example.com: Connection refused; check the address" in str(error)
