"""Which heading of the documentation has an example of which public class, function or method."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.documentation.markdown import DOCS, without_code

RECEIVERS = {
    "runway": ("Session",),
    "session": ("Session",),
    "handle": ("TaskHandle",),
    "batch": ("Batch",),
    "map": ("Batch",),
    "read": ("Entries",),
    "journal": ("Journal", "JournalReader"),
    "receiver": ("CallbackReceiver",),
    "budget": ("Budget",),
    "event": ("Event",),
    "events": ("EventStream",),
    "answer": ("AssetResponse",),
    "clip": ("Asset",),
    "task": ("Task",),
    "entry": ("Entry",),
    "emulator": ("Emulator",),
    "cometrunway_emulator": ("Emulator",),
    "cometrunway_session": ("Session",),
    "display": ("ProgressDisplay",),
}
"""What the examples call an object, or the function that returns it, and of which classes it is then."""
_BLOCK = re.compile(
    r"^```(?:python|py|{literalinclude} (?P<file>\S+\.py))\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE
)


def examples() -> dict[str, list[tuple[str, str]]]:
    """Return the headings, as page and text, that have an example of a name, such as `Session.submit`."""
    found: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text()
        for block in _BLOCK.finditer(text):
            heading = re.findall(r"^#+ (.*)$", without_code(text[: block.start()]), re.MULTILINE)[-1]
            for name in names_in((DOCS / block["file"]).read_text() if block["file"] else block["code"]):
                found[name][page.name, heading] = None
    return {name: list(places) for name, places in found.items()}


def names_in(program: str) -> Iterator[str]:
    """Yield what a program uses of the package: names as `Budget`, members as `Session.submit`."""
    nodes = list(ast.walk(ast.parse(program)))
    imports = (
        node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cometrunway")
    )
    ours = {alias.name for node in imports for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in ours:
            yield node.id
        elif isinstance(node, ast.Attribute):
            value = node.value.func if isinstance(node.value, ast.Call) else node.value
            owner = getattr(value, "id", getattr(value, "attr", ""))
            if owner == "errors":
                yield node.attr
            for cls in RECEIVERS.get(owner, (owner,)):
                yield f"{cls}.{node.attr}"
