"""The digests that a host states for a file, for comparison with the received bytes."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Set

Digests = Mapping[str, "hashlib._Hash"]  # noqa: SLF001 - typeshed has no other name for it
"""Maps the `hashlib` name of an algorithm to its digest."""
Stated = Set[tuple[str, bytes]]
"""Pairs of a `hashlib` algorithm and the digest that the host states."""

_NAMES = {
    "md5": "md5",
    "sha": "sha1",
    "sha1": "sha1",
    "sha-1": "sha1",
    "sha256": "sha256",
    "sha-256": "sha256",
    "sha512": "sha512",
    "sha-512": "sha512",
}
_SIZES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
_SINGLE = {
    "content-md5": "md5",
    "x-ms-blob-content-md5": "md5",
    **{f"x-amz-checksum-{name}": name for name in ("md5", "sha1", "sha256", "sha512")},
}
"""Headers with one digest, and their algorithms. S3's digest of a multipart upload (`...-3`) cannot be checked."""
_LISTS = ("repr-digest", "content-digest", "digest", "x-goog-hash")
_MEMBER = r"\s*([A-Za-z0-9*_.-]+)\s*=\s*:?([A-Za-z0-9+/=_-]+):?"


def stated_digests(headers: Mapping[str, str]) -> Stated:
    """Return the digests that an answer with the whole file states.

    The headers are `Repr-Digest` and `Content-Digest` (RFC 9530), `Digest` (RFC 3230), `Content-MD5`, `x-goog-hash`,
    `x-amz-checksum-*` and `x-ms-blob-content-md5`, with md5, sha1, sha256 or sha512. Unreadable values are ignored.
    """
    return frozenset(_read(headers))


def _read(headers: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for header, name in _SINGLE.items():
        yield from _digest(name, headers.get(header, ""))
    for header in _LISTS:
        if header == "x-goog-hash" and _was_decoded_by_google(headers):
            continue
        for member in headers.get(header, "").split(","):
            match = re.match(_MEMBER, member)
            if match and (name := _NAMES.get(match[1].lower(), "")):
                yield from _digest(name, match[2])


def _was_decoded_by_google(headers: Mapping[str, str]) -> bool:
    """Whether Google stores the file with an encoding and sends it without. The hashes are then of the stored bytes."""
    return headers.get("x-goog-stored-content-encoding", "identity") not in {
        "identity",
        headers.get("content-encoding", "identity"),
    }


def _digest(name: str, text: str) -> Iterator[tuple[str, bytes]]:
    text = text.strip()
    try:
        found = bytes.fromhex(text) if len(text) == 2 * _SIZES[name] else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return
    if len(found) == _SIZES[name]:
        yield name, found


def new_digest(name: str) -> "hashlib._Hash":
    """Return an empty digest object."""
    return hashlib.new(name, usedforsecurity=False)


def differing(stated: Stated, came: Iterable[Digests]) -> str | None:
    """Return the algorithm of a stated digest that fits no computed digest; None if all fit.

    Digests are computed of the sent bytes and of the decoded bytes, because hosts state one or the other.
    """
    kinds = tuple(came)
    for name, digest in sorted(stated):
        if all(digests[name].digest() != digest for digests in kinds):
            return name
    return None
