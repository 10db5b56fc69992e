"""The paths of callbacks: they cannot be guessed, and a later process derives them again from the same secret."""

import base64
import hmac

LENGTH = 40
"""Characters of a path: 30 bytes of a digest."""
_SELECTOR = 16
"""Characters of a path by which it is looked up. The others prove it, and are compared in constant time."""


def callback_path(secret: bytes, name: str) -> str:
    """Return the path of the submission of this name; of URL-safe characters, all ASCII."""
    digest = hmac.digest(secret, name.encode("utf-8", "backslashreplace"), "sha256")
    return base64.urlsafe_b64encode(digest[:30]).decode()


def selector(path: str) -> str:
    """Return the part of a path by which it is looked up."""
    return path[:_SELECTOR]


def is_path(path: str, expected: str) -> bool:
    """Whether a post's path is the expected one; takes as long whether or not it is."""
    return hmac.compare_digest(path.encode("utf-8", "replace"), expected.encode())
