"""The routes and models of a provider. `models/` has the data, with dates and sources.

A request that is certainly wrong is refused before it is sent. An unknown value is sent, with a warning.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import fields

from cometrunway._callers import Caller
from cometrunway._media._urls import shown
from cometrunway._requests._all_routes import ROUTES, RawRequest
from cometrunway._requests._names import nearest, snake_case
from cometrunway._requests._routes import Request
from cometrunway._wire._provider import BUILT_IN, Provider
from cometrunway.errors import UnknownValueWarning

_SHOWN = 12
"""The largest number of values that a message lists."""
Model = Mapping[str, Any]
"""The fields of one model on one route: the names of `required` and `optional` fields, the possible `values` of some
fields, and the largest number of items (`most`) of some fields."""


@cache
def known_models(provider: str) -> Mapping[str, Any]:
    """Return the known facts about a provider: `source`, `date`, and a `Model` by route and model; empty if unknown."""
    if provider not in BUILT_IN:
        return {}
    text = (files("cometrunway._wire") / "models" / f"{provider}.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def check_taken(request: Request, provider: Provider) -> None:
    """Check that a provider has the request's route, and that the request has the fields that its model requires.

    Raises:
        ValueError: the route is missing; or fields are missing or lists have too many items, with a line for each.
    """
    route = request.route
    if route not in provider.routes and not isinstance(request, RawRequest):
        raise ValueError(f"{provider.name} has no route {route}; its routes are {', '.join(sorted(provider.routes))}")
    _check_model(request, provider)


def check_known(request: Request, provider: Provider, *, strict: bool, caller: Caller | None = None) -> None:
    """Emit an `UnknownValueWarning` for each value of a request that is not known for the provider.

    `caller` is the line that the warning names.

    Raises:
        ValueError: values are not known, and `strict` is True. The message has a line for each.
    """
    messages = list(unknown_values(request, provider))
    if messages and strict:
        raise ValueError("\n".join(f"{message}; strict sends nothing that is not known" for message in messages))
    for message in messages:
        (caller or Caller.nearest()).warn(f"{message}; it is sent as it is", UnknownValueWarning)


def unknown_values(request: Request, provider: Provider) -> Iterator[str]:
    """Yield a message for each unknown value and field of a request. The message names the nearest known one."""
    models = _models(request, provider)
    if isinstance(request, RawRequest) or not models:
        return
    yield from _of_extra(request)
    name, model = type(request).__name__, getattr(request, "model", "")
    is_known = model in models
    if not is_known:
        yield f"{name}.model: {_unknown(model, models)}, on {request.route} of {provider.name}"
    values_of, not_taken = (
        _known_of(provider.name, request.route, model) if is_known else _known_of_all(provider.name, request.route)
    )
    taker = model if is_known else "any model"
    for field, values in values_of.items():
        value = getattr(request, field)
        if value is not None and value not in values:
            yield f"{name}.{field}: {_unknown(value, values)}, with {taker} of {provider.name}"
    for field in not_taken:
        if getattr(request, field) not in (None, ()):
            yield f"{name}.{field}: is not known, with {model} of {provider.name}; None leaves it out"


@cache
def _known_of(provider: str, route: str, model: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the known values by field, and the fields that the model does not take."""
    known: Model = known_models(provider)["routes"][route][model]
    taken = {"model", "extra", *known["required"], *known["optional"]}
    return known.get("values", {}), tuple(field.name for field in fields(ROUTES[route]) if field.name not in taken)


@cache
def _known_of_all(provider: str, route: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the same for an unknown model: the values that any model takes, of fields for which all list them."""
    of_models = [model.get("values", {}) for model in known_models(provider)["routes"][route].values()]
    fields_of_all = set[str].intersection(*map(set, of_models))
    union = {field: dict.fromkeys(value for values in of_models for value in values[field]) for field in fields_of_all}
    return {field: tuple(union[field]) for field in sorted(union)}, ()


def _check_model(request: Request, provider: Provider) -> None:
    """Check that a request has the fields that its model requires, if they are known."""
    model_name = getattr(request, "model", "")
    model = {} if isinstance(request, RawRequest) else _models(request, provider).get(model_name, {})
    where = f"with {model_name} of {provider.name}"
    faults = [
        f"{type(request).__name__}.{name}: required {where}"
        for name in model.get("required", ())
        if getattr(request, name) in (None, ())
    ]
    for name, most in model.get("most", {}).items():
        count = len(getattr(request, name))
        if count > most:
            faults.append(f"{type(request).__name__}.{name}: at most {most} {where}, got {count}")
    if faults:
        raise ValueError("\n".join(faults))


def _of_extra(request: Request) -> Iterator[str]:
    for name in request.extra:
        known = [attribute.name for attribute in fields(type(request))]
        if close := get_close_matches(snake_case(name), known, n=1, cutoff=0.8):
            yield f"{type(request).__name__}.extra: {shown(name)} is not known; did you mean {close[0]}?"


def _models(request: Request, provider: Provider) -> Mapping[str, Model]:
    found: Mapping[str, Model] = known_models(provider.name).get("routes", {}).get(request.route, {})
    return found


def _unknown(value: object, known: Any) -> str:
    return f"{shown(value)} is not known ({nearest(str(value), map(str, known), most=_SHOWN)})"
