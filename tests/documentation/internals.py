"""The members of public classes that are not for users, as docs/stability.md lists them."""

import re

from tests.documentation.markdown import DOCS


def internal_members() -> set[str]:
    """Return their names, such as `Batch.follow`."""
    _, _, section = (DOCS / "stability.md").read_text().partition("\n## Internal members\n")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section.partition("\n## ")[0], re.MULTILINE)
    return {f"{name}.{member}" for name, members in rows for member in re.findall(r"`(\w+)`", members)}
