"""The paths of callbacks. They cannot be guessed. A later process derives the same paths from the same secret."""

import base64
import hmac

LENGTH = 40
"""The number of characters of a path: 30 bytes of a digest."""
_SELECTOR = 16
"""The number of characters by which a path is found. The others prove it, and are compared in constant time."""


def callback_path(secret: bytes, name: str) -> str:
    """Return the path of the submission with this name, in URL-safe ASCII characters."""
    digest = hmac.digest(secret, name.encode("utf-8", "backslashreplace"), "sha256")
    return base64.urlsafe_b64encode(digest[:30]).decode()


def selector(path: str) -> str:
    """Return the part of a path by which it is found."""
    return path[:_SELECTOR]


def is_path(path: str, expected: str) -> bool:
    """Whether a post's path is the expected one. Takes the same time in both cases."""
    return hmac.compare_digest(path.encode("utf-8", "replace"), expected.encode())
