"""What goes over the wire and what comes back, as plain values."""

from collections.abc import Mapping

from attrs import field, frozen


@frozen(kw_only=True)
class HttpRequest:
    """One request of the API: no credential in it, the transport adds that."""

    method: str
    path: str
    """The path below the base URL, percent-encoded, with its leading slash."""
    body: bytes | None = field(default=None, repr=False)


@frozen(kw_only=True)
class HttpResponse:
    """One answer: its body is whole and no larger than the transport's limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Looked up in lower case."""
    body: bytes = field(repr=False)
