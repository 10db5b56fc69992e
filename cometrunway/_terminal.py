"""Text from elsewhere, made safe to show: a prompt, a key or a server's message must not steer the terminal."""

import re

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: object) -> str:
    r"""Return it as one line, with escapes such as `\x1b` for what would move the cursor, colour or reorder it."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))
