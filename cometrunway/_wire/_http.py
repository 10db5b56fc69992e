"""HTTP requests and answers as plain values."""

from collections.abc import Mapping

from attrs import field, frozen


@frozen(kw_only=True)
class HttpRequest:
    """One request of the API, without the credential. The transport adds the credential."""

    method: str
    path: str
    """The path below the base URL, percent-encoded, with its leading slash."""
    body: bytes | None = field(default=None, repr=False)


@frozen(kw_only=True)
class HttpResponse:
    """One answer. Its body is complete and not larger than the transport's limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """The names are in lower case."""
    body: bytes = field(repr=False)
    url: str = ""
    """Where the request was sent; empty if that is not known."""
