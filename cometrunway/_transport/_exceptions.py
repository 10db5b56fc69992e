"""aiohttp's exceptions become ours, and whatever could show a key or a signed URL is left out of them."""

import aiohttp

from cometrunway._media._urls import without_query
from cometrunway.errors import TransportError

THEIRS = (aiohttp.ClientError, OSError, ValueError)
"""OSError: also a timeout and TLS; ValueError: a host or a header that cannot be put into words."""
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


def ours(method: str, url: str, error: Exception) -> TransportError:
    """Return what to raise instead, from `safe(error)`: theirs may hold the key, so only safe ones are the cause."""
    what = f"{method} {without_query(url)}"
    if isinstance(error, _NEVER_SENT):
        return TransportError(f"{what}: no connection: {_told(error)}", may_have_been_sent=False)
    if isinstance(error, TimeoutError):
        return TransportError(f"{what}: no answer in time")
    if isinstance(error, aiohttp.ClientError | OSError):
        return TransportError(f"{what}: the connection broke: {_told(error)}")
    return TransportError(f"{what}: {_told(error)}")


def safe(error: Exception) -> Exception | None:
    """Return an exception of aiohttp's that shows no secret; None where it would."""
    if isinstance(error, aiohttp.ClientResponseError):
        # It holds the request's headers, and with them the key, and stays reachable as the context of ours.
        error.request_info, error.history, error.headers, error.args = None, (), None, ()  # type: ignore[assignment]
        return None
    return None if isinstance(error, aiohttp.InvalidURL | TimeoutError) else error


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.InvalidURL | TimeoutError):  # their text holds the URL, which may be signed
        return type(error).__name__
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
