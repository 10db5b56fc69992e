"""Translates aiohttp's exceptions into ours, without texts that could show a key or a signed URL."""

import os
import ssl

import aiohttp

from cometrunway._media._urls import without_query
from cometrunway._tracebacks import drop_frames
from cometrunway._transport._addresses import PrivateAddressError
from cometrunway._transport._proxies import NotConnectedError
from cometrunway.errors import ProxyError, TLSError, TransportError

THEIRS = (aiohttp.ClientError, OSError, ValueError)
"""OSError also covers timeouts and TLS. ValueError is raised for a host or a header that cannot be encoded."""


_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    NotConnectedError,
    PrivateAddressError,
)
_TLS_FACTS = (
    *("CERTIFICATE", "UNKNOWN_CA", "UNRECOGNIZED_NAME", "VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS"),
    *("HANDSHAKE_FAILURE", "CIPHER", "TOO_SMALL", "TOO_WEAK", "LEGACY", "INSUFFICIENT_SECURITY", "HTTP_REQUEST"),
)
"""Words in OpenSSL's reasons that show that the next attempt would be refused, too."""
_HAS_EXPIRED, _NOT_YET_VALID = 10, 9
_SELF_SIGNED, _ISSUER_UNKNOWN = {18, 19}, {2, 20, 21}
_OTHER_NAME = {62, 64}
_AUTHORITY = (
    "if you trust it, as with a proxy of your company that reads what goes through it, name a PEM file with the "
    "certificate of its issuer in SSL_CERT_FILE (read by a Session with trust_env)"
)
_PASSING = frozenset({408, 429})


def ours(method: str, url: str, error: Exception, *, host: str | None = None) -> TransportError:
    """Return our error for an error of aiohttp. Raise it from `safe(error)`, because aiohttp's may contain the key.

    Args:
        method: the method of the request.
        url: the URL of the request, or its path.
        error: the error of aiohttp.
        host: the host of the request, if the URL is a path and the error does not name it.
    """
    what = f"{method} {without_query(url)}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return refused_by_proxy(what, error.status, error.message)
    if isinstance(error, _NEVER_SENT):
        return _not_connected(what, error, getattr(error, "host", None) or host or _host(url))
    if isinstance(error, TimeoutError):
        return TransportError(f"{what}: no answer in time")
    if isinstance(error, aiohttp.ClientError | OSError):
        return TransportError(f"{what}: the connection broke: {_told(error)}")
    return TransportError(f"{what}: {_told(error)}")


def ours_of_host(method: str, shown: str, error: Exception) -> tuple[TransportError, Exception | None]:
    """Return our error for an error of a request to a host other than the API's, and its cause.

    After a host was reached, aiohttp's texts quote its answer. Therefore neither these texts nor their exceptions
    are kept. Raise the error outside of the handler.

    Args:
        method: the method of the request.
        shown: the part of the URL that may be shown.
        error: the error of aiohttp.
    """
    failure = ours(method, shown, error)
    drop_frames(error)  # aiohttp's reader keeps the error of a body that breaks off, and is in its frames
    if not failure.may_have_been_sent:
        return failure, safe(error)
    if isinstance(error, TimeoutError):
        return failure, None
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    return TransportError(f"{method} {shown}: the connection broke: {reason}"), None


def refused_by_proxy(what: str, status: int, reason: str | None = None) -> TransportError:
    """Return the error of a request that a proxy did not pass on.

    Args:
        what: the request, as in messages.
        status: the proxy's HTTP status.
        reason: the text with the status.
    """
    told = f"{what}: the proxy did not pass it on: HTTP {status} {reason or ''}".rstrip()
    if status in _PASSING or status >= 500:
        return TransportError(told, may_have_been_sent=False)
    cure = "does it allow this host? NO_PROXY names hosts that need no proxy"
    if status == 407:
        cure = "it requires a user and a password, as in HTTPS_PROXY=http://user:password@host:port, percent-encoded"
    return ProxyError(f"{told}; {cure}", status=status)


def safe(error: Exception) -> Exception | None:
    """Return an exception of aiohttp if it shows no secret, else None. Its frames are removed in any case."""
    drop_frames(error)
    if isinstance(error, aiohttp.ClientResponseError):
        # It contains the request's headers with the key, and remains reachable as the context of our error.
        error.request_info, error.history, error.headers, error.args = None, (), None, ()  # type: ignore[assignment]
        return None
    return None if isinstance(error, aiohttp.InvalidURL | TimeoutError) else error


def _not_connected(what: str, error: Exception, host: str) -> TransportError:
    inner = getattr(error, "certificate_error", getattr(error, "os_error", error))
    if isinstance(inner, PrivateAddressError):
        refused = TransportError(
            f"{what}: {host} is at {inner.address}, {inner.reach.value}, and no file is fetched from there while the "
            "API is elsewhere; Session(allow_private_assets=True) allows it",
            may_have_been_sent=False,
        )
        refused.retryable = False
        return refused
    if isinstance(inner, ssl.SSLError) and _is_fact(inner):
        return TLSError(f"{what}: no secure connection to {host}: {_tls_problem(inner, host)}", host=host)
    if isinstance(error, NotConnectedError) and "authentication" in str(inner).lower():
        return ProxyError(f"{what}: the SOCKS proxy did not pass it on: {inner}", status=407)
    reason = getattr(inner, "strerror", None) or _told(inner)
    proxy = "the proxy " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
    told = f"{what}: no connection to {proxy}{host}: {reason}; check the address and the network"
    return TransportError(told, may_have_been_sent=False, host=host)


def _is_fact(error: ssl.SSLError) -> bool:
    """Whether the next attempt would be refused too."""
    reason = error.reason or ""
    return isinstance(error, ssl.SSLCertVerificationError) or any(fact in reason for fact in _TLS_FACTS)


def _tls_problem(error: ssl.SSLError, host: str) -> str:
    """Return what is wrong with a host's TLS, and the cure, as text."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"it and this machine agree on no TLS version or cipher, or it speaks no TLS ({error.reason})"
    code, said = error.verify_code, error.verify_message.rstrip(".")
    if code in _OTHER_NAME:
        return f"its certificate is for another name ({said}): is {host} the right host?"
    if code == _HAS_EXPIRED:
        return f"its certificate has expired ({said}): the host must renew it, or this machine's clock is wrong"
    if code == _NOT_YET_VALID:
        return f"its certificate is not yet valid ({said}): is this machine's clock right?"
    kind = "self-signed" if code in _SELF_SIGNED else "from an unknown issuer" if code in _ISSUER_UNKNOWN else "refused"
    return f"its certificate is {kind} ({said}); {_AUTHORITY}"


def _host(url: str) -> str:
    return without_query(url).partition("://")[2].partition("/")[0] or "the host"


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.InvalidURL | TimeoutError):  # their text contains the URL, which may be signed
        return type(error).__name__
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
