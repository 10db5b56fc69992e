"""Docstrings as this package writes them, for autodoc: names in single backticks, indented code, and private types.

A name of the public API becomes a link to it, and everything else in backticks is shown as code. What an annotation
names is linked if it is public, and shown as text if it is private or belongs to another package. A class, function or
method that an example of the other pages uses gets links to these examples, and an error to what causes it.
"""

import re
from inspect import isclass
from typing import Any

import attrs
from docutils.nodes import Element, Node
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import stringify_annotation

import cometrunway
from cometrunway import emulator, errors, progress
from tests.documentation.examples import examples
from tests.documentation.markdown import DOCS, anchors, slug

_BEFORE_NAPOLEON, _AFTER_NAPOLEON = 400, 600
_MOST_EXAMPLES = 3
_FIELDS = {"attribute", "data", "property"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is called for each docstring, each signature, and each reference without a target."""
    app.connect("autodoc-process-docstring", _prepare, priority=_BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", _restore, priority=_AFTER_NAPOLEON)
    app.connect("autodoc-process-signature", _shorten)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}


def _public_names() -> dict[str, str]:
    """Return the full public name of each class, function and member, by its name without the module."""
    error_names = [name for name, value in vars(errors).items() if getattr(value, "__module__", "") == errors.__name__]
    found: dict[str, str] = {}
    for module, names in ((errors, error_names), (emulator, emulator.__all__), (progress, progress.__all__)):
        found |= _names_of(module, names)
    return {**_names_of(cometrunway, cometrunway.__all__), **found}


def _names_of(module: Any, names: list[str]) -> dict[str, str]:
    full = {name: f"{module.__name__}.{name}" for name in names if callable(getattr(module, name))}
    classes = {name: getattr(module, name) for name in full if isclass(getattr(module, name))}
    members = {
        f"{name}.{member}": f"{full[name]}.{member}"
        for name, value in classes.items()
        for member in vars(value)
        if not member.startswith("_")
    }
    return full | members


_NAMES = _public_names()
_EXAMPLES = examples()
_ERRORS = anchors((DOCS / "errors.md").read_text())
_prepared: dict[str, list[str]] = {}


def _prepare(_app: Sphinx, what: str, name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    text = re.sub(r"(?<!`)`([^`]+)`(?!`)(\w?)", _marked, "\n".join(lines))
    if what == "module":
        text = re.sub(r"(?<=\n)\n(?=    )", "\n::\n\n", text, count=1)
    lines[:] = _prepared[name] = [*text.split("\n"), *([] if what == "module" else _links(name))]


def _links(name: str) -> list[str]:
    short = re.sub(r"^cometrunway\.(errors\.|emulator\.|progress\.)?", "", name)
    places = _EXAMPLES.get(short, [])[:_MOST_EXAMPLES]
    shown = ", ".join(
        f"`{heading.replace('`', '')} <../{page.removesuffix('.md')}.html#{slug(heading)}>`__"
        for page, heading in places
    )
    help_link = f"`cause and cure <../errors.html#{short.lower()}>`__" if short.lower() in _ERRORS else ""
    lines = [f"Examples: {shown}."] * bool(shown) + [f"See its {help_link}."] * bool(help_link)
    return ["", *lines, ""]


def _marked(match: re.Match[str]) -> str:
    code, next_letter = match.groups()
    full = _NAMES.get(code.removeprefix("errors.").removesuffix("()"))
    end = f"\\ {next_letter}" if next_letter else ""
    return (f":py:obj:`{code} <{full}>`" if full else f"``{code}``") + end


def _restore(_app: Sphinx, what: str, name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    if what in _FIELDS:  # of which napoleon takes what stands before a colon for a type
        lines[:] = _prepared[name]


def _shorten(
    _app: Sphinx, _what: str, _name: str, documented: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Show a default that is a built-in provider by its name, and one that is computed as three dots.

    A parameter that takes anything, because a converter reads it, is shown with the type of its field.
    """
    if signature:
        signature = re.sub(r"= Provider\(name='(\w+)'.*?\)(?=, \w+: )", r"= '\1'", signature)
        signature = signature.replace("= NOTHING", "= ...").replace("= mappingproxy({})", "= {}")
        for field in attrs.fields(documented) if isclass(documented) and attrs.has(documented) else ():
            shown = f"{field.alias}: {stringify_annotation(field.type, 'smart')}"
            anything = rf"\b{field.alias}: (?:object|~?(?:typing\.)?Any)(?=[ ,)])"
            signature = re.sub(anything, shown.replace("\\", r"\\"), signature)
    return signature, returns


def _resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: Element) -> Node | None:
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    full = _NAMES.get(target.rpartition(".")[2])
    if full and full != target and target.startswith("cometrunway."):
        return env.domains.python_domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, shown)
    is_public = target.startswith("cometrunway") and "._" not in target
    return None if is_public else shown
