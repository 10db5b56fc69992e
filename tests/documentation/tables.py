"""The tables of docs/ that are made from the code and its data."""

import argparse
import ast
import inspect
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cometrunway import emulator
from cometrunway._cli._main import _parser
from cometrunway._requests._all_routes import ROUTES
from cometrunway._wire._encode import _path
from cometrunway._wire._known_media import known_media
from cometrunway._wire._known_models import known_models
from cometrunway._wire._provider import BUILT_IN
from tests.documentation.markdown import DOCS, ROOT, code, made_anew, table
from tests.documentation.packages import packages
from tests.mutation import verdicts

RUN = "run"
"""The command whose options are described by hand, at length."""


def parts() -> dict[str, Callable[[], str]]:
    """Return what makes each part of a page, by the name that stands in the page."""
    models = {f"models of {name}": partial(_models, name) for name in BUILT_IN}
    return {
        **models,
        "limits of media": _media,
        "routes": _routes,
        "options of the commands": _commands,
        "options of the emulator": _emulator_options,
        "sessions of nox": _nox_sessions,
        "packages": packages,
        "figures of mutation": verdicts.figures,
        "mutants that survive": verdicts.survivors,
        "mutants that change nothing": verdicts.unchanged,
    }


def renewed(page: Path) -> str:
    """Return a page of docs/ with its tables made anew."""
    return made_anew(page.read_text(), parts())


def renew() -> None:
    """Write all tables of docs/ anew."""
    for page in DOCS.glob("*.md"):
        page.write_text(renewed(page))


def _models(provider: str) -> str:
    data = known_models(provider)
    sections = [f"Source: {data['source']}, {data['date']}."]
    for route, models in data["routes"].items():
        rows = [_model_row(model, known) for model, known in models.items()]
        sections += [f"### {provider}: {route}", table(("model", "required", "optional", "values"), rows)]
    return "\n\n".join(sections)


def _model_row(model: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    values = [f"`{name}`: {_values(values)}" for name, values in known.get("values", {}).items()]
    values += [f"`{name}`: at most {most}" for name, most in known.get("most", {}).items()]
    return code(model), _listed(known["required"]), _listed(known["optional"]), "; ".join(values)


def _media() -> str:
    rows = [
        (code(provider), _routes_of(entry), _limit(entry), f"{entry['source']}, {entry['date']}")
        for provider, kinds in known_media().items()
        for entry in (*kinds["urls"], *kinds["images"])
    ]
    return table(("provider", "routes and models", "what is asked for", "source"), rows)


def _routes_of(entry: Mapping[str, Any]) -> str:
    models = f" with {_listed(entry['models'])}" if "models" in entry else ""
    return (_listed(entry["routes"]) if "routes" in entry else "all") + models


def _limit(entry: Mapping[str, Any]) -> str:
    said = {
        "https": "URLs begin with https://",
        "name": "URLs have a name for a host, not an address",
        "ratio": "width / height from {0[0]} to {0[1]}",
        "usual_ratio": "width / height from {0[0]} to {0[1]}",
        "least_side": "width and height of at least {0} pixels",
        "most_side": "width and height of at most {0} pixels",
    }
    limits = [
        (said[name].format(value), value == "usual" or name.startswith("usual"))
        for name, value in entry.items()
        if name in said and value is not None
    ]
    return "; ".join(f"{text} (else a warning)" if is_doubt else text for text, is_doubt in limits)


def _listed(names: list[str]) -> str:
    return ", ".join(map(code, names))


def _values(values: list[Any]) -> str:
    is_range = len(values) > 2 and isinstance(values[0], int) and values == [*range(values[0], values[-1] + 1)]
    if is_range:
        return f"{values[0]} to {values[-1]}"
    return " ".join(map(str, values))


def _routes() -> str:
    rows = (
        (
            code(route),
            code(request.__name__),
            request.makes,
            *(
                code(f"POST {_path(route, provider)}") if route in provider.routes else ""
                for provider in BUILT_IN.values()
            ),
        )
        for route, request in ROUTES.items()
    )
    return table(("route", "request", "makes", *(f"at `{name}`" for name in BUILT_IN)), rows)


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser of the command `cometrunway`."""
    return _parser()


def variables() -> set[str]:
    """Return the environment variables that the code names: of providers, and in text that looks like one."""
    of_providers = {
        name for provider in BUILT_IN.values() for name in (provider.key_variable, provider.origin_variable)
    }
    text = "\n".join(path.read_text() for path in (ROOT / "cometrunway").rglob("*.py"))
    named = re.findall(r"environ(?:\.get\(|\[)\"([A-Za-z_]+)\"", text) + re.findall(r"\"((?:AWS|SSL)_[A-Z_]+)\"", text)
    return {*filter(None, of_providers), *named}


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, by its name."""
    [choices] = [action.choices for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(choices)


def _commands() -> str:
    sections = []
    for name, parser in commands().items():
        options = [
            action for action in parser._actions if action.option_strings and action.dest not in {"help", "debug"}
        ]
        if options and name != RUN:
            rows = ((_spelled(option), _meaning(option)) for option in options)
            sections.append(f"### `{name}`\n\n{table(('option', 'meaning'), rows)}")
    return "\n\n".join(sections)


def _spelled(option: argparse.Action) -> str:
    value = option.metavar
    if isinstance(value, tuple):
        value = " ".join(value)
    elif option.choices is not None:
        value = "|".join(map(str, option.choices))
    elif value is None and option.nargs != 0:
        value = option.dest.upper()
    names = ", ".join(option.option_strings)
    return code(f"{names} {value}" if value else names)


def _meaning(option: argparse.Action) -> str:
    text = (option.help or "") % {"default": option.default}
    return text.replace("|", "\\|") + ("; required" if option.required else "")


def _emulator_options() -> str:
    described = _arguments(inspect.getdoc(emulator.Emulator) or "")
    parameters = inspect.signature(emulator.Emulator).parameters
    rows = ((code(name), described[name], _default(parameter)) for name, parameter in parameters.items())
    return table(("option", "meaning", "default"), rows)


def _arguments(docstring: str) -> dict[str, str]:
    section = docstring.partition("\nArgs:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text) for name, text in found}


def _default(parameter: inspect.Parameter) -> str:
    default = parameter.default
    by_factory = {"duration": "`LogNormal()`", "durations": "`{}`", "faults": "`Faults()`"}
    return by_factory.get(parameter.name, code(str(default)))


def _nox_sessions() -> str:
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return table(("session", "what it does"), _sessions(tree))


def _sessions(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            first = (ast.get_docstring(node) or "").partition("\n\n")[0]
            yield code(shlex.join(["nox", "-s", node.name])), re.sub(r"\s+", " ", first)
