"""The public signatures, one line each, and their listing as of the latest release.

`python -m tests.public_api` writes the listing anew. It is part of a release, after the section "Unreleased" of
docs/changelog.md was given its version.
"""

import ast
import enum
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from tests.documentation.internals import internal_members

ROOT = Path(__file__).parent.parent
LISTING = Path(__file__).with_suffix(".txt")
CHANGELOG = ROOT / "docs" / "changelog.md"
MODULES = ("cometrunway.errors", "cometrunway", "cometrunway.emulator", "cometrunway.fleet", "cometrunway.progress")
_PLAIN = (type(None), bool, int, float, str)


def public_api() -> dict[str, str]:
    """Return the parameters of each public name, without types; for a class, those of its construction.

    The members that docs/stability.md lists as internal are left out.
    """
    internal = internal_members()
    return {
        name: parameters for name, parameters in _all().items() if name.removeprefix("cometrunway.") not in internal
    }


def _all() -> dict[str, str]:
    found: dict[str, str] = {}
    listed: set[object] = set()
    for module in map(import_module, MODULES):
        names = getattr(module, "__all__", None) or re.findall(r"\b[A-Z]\w*Error\b", " ".join(dir(module)))
        values = {f"{module.__name__}.{name}": getattr(module, name) for name in names}
        classes = {value for value in values.values() if inspect.isclass(value)}
        for name, value in values.items():
            found[name] = _parameters(value)
            if inspect.isclass(value) and value not in listed:
                found.update(_members(name, value, inherited_from=listed | classes))
        listed |= classes
    return found


def _members(name: str, cls: type, *, inherited_from: set[object]) -> Iterator[tuple[str, str]]:
    """Yield what a class and its private bases of this package define; public bases have lines of their own."""
    names: set[str] = set()
    for base in inspect.getmro(cls):
        if base.__module__.startswith("cometrunway") and (base is cls or base not in inherited_from):
            names.update(vars(base), _attributes_of_self(base))
    for member in sorted(names):
        if not member.startswith("_") and not isinstance(vars(cls).get(member), enum.Enum):
            found = inspect.getattr_static(cls, member, None)
            function = getattr(cls, member) if isinstance(found, classmethod | staticmethod) else found
            yield f"{name}.{member}", _parameters(function) if inspect.isroutine(function) else ""


def _attributes_of_self(cls: type) -> set[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return {node.attr for node in stored if isinstance(node.value, ast.Name) and node.value.id == "self"}


def _parameters(value: object) -> str:
    """Return the parameters of what can be called, as they are written; of an enumeration its members."""
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        return ", ".join(value.__members__)
    try:
        parameters = inspect.signature(value).parameters.values()  # type: ignore[arg-type]  # it says what cannot be called
    except (
        TypeError,
        ValueError,
    ):  # it cannot be called, or is written in C, as the construction of some exceptions is
        return ""
    return ", ".join(f"{_MARKS[it.kind]}{it.name}{_default(it)}" for it in parameters if it.name != "self")


_MARKS = {
    inspect.Parameter.POSITIONAL_ONLY: "/",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "",
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.KEYWORD_ONLY: "keyword ",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    return f"={parameter.default!r}" if type(parameter.default) in _PLAIN else "=..."


def recorded() -> dict[str, str]:
    """Return the public API as it is listed."""
    lines = (re.fullmatch(r"([\w.]+)\((.*)\)", line) for line in LISTING.read_text().splitlines())
    return {line[1]: line[2] for line in lines if line}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[tuple[str, ...]]:
    """Return the words that entries of the changelog must have: a name that is new or gone, or one and its parameter.

    The members of a class that is new or gone are left out: the name of the class stands for them.
    """
    one_sided = before.keys() ^ after.keys()
    found: set[tuple[str, ...]] = {(_last(name),) for name in one_sided if name.rpartition(".")[0] not in one_sided}
    for name in before.keys() & after.keys():
        differing = ({*before[name].split(", ")} ^ {*after[name].split(", ")}) - {""}
        found |= {(_last(name), _name(parameter)) for parameter in differing}
    return found


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _name(parameter: str) -> str:
    return parameter.removeprefix("keyword ").lstrip("/*").partition("=")[0]


def unreleased() -> str:
    """Return the section of the changelog that tells what changed since the latest release."""
    return CHANGELOG.read_text().partition("\n## Unreleased\n")[2].partition("\n## ")[0]


def untold(wanted: set[tuple[str, ...]], section: str) -> list[tuple[str, ...]]:
    """Return those of which no entry of the section has all words."""
    entries = [{*re.findall(r"\w+", entry)} for entry in re.split(r"\n- |\n\n", section)]
    return sorted(words for words in wanted if not any(entry.issuperset(words) for entry in entries))


def main() -> None:
    """Write the listing, if the changelog has no unreleased change left."""
    if LISTING.exists() and unreleased().strip():
        sys.exit("docs/changelog.md has unreleased changes: this listing is written when they are released")
    lines = (f"{name}({parameters})" for name, parameters in sorted(public_api().items()))
    LISTING.write_text("\n".join(["# Written by `python -m tests.public_api`, as part of a release.", *lines, ""]))


if __name__ == "__main__":
    main()
