"""The origin of the API and the key for it. A key of one provider is never sent to another."""

import os
from functools import partial
from urllib.parse import urlsplit

from attrs import field, frozen
from yarl import URL

from cometrunway._media._hosts import is_this_machine
from cometrunway._transport._api_key import ApiKey, KeyFunction
from cometrunway._wire._provider import BUILT_IN, Provider


@frozen(kw_only=True)
class Access:
    """A provider, the origin of its API, and the key for it."""

    provider: Provider
    base: URL
    """The API's origin, with the path before its routes."""
    api_key: ApiKey = field(repr=False)


def access_to(provider: Provider, *, api_key: str | KeyFunction | None, base_url: str | None) -> Access:
    """Return the access to a provider, from the given values or else from its environment variables.

    Raises:
        TypeError: the origin is no text.
        ValueError: there is no key; the origin is no absolute http(s) URL, or would send the key in the clear; or the
            origin or the key is that of another provider.
    """
    base = base_of(provider, base_url)
    source: str | KeyFunction
    if api_key is None:
        source, origin = os.environ.get(provider.key_variable, ""), f"the environment variable {provider.key_variable}"
    else:
        source, origin = api_key, "the function api_key" if callable(api_key) else "the option api_key"
    key = ApiKey(source, check=partial(_checked_key, provider, origin), origin=origin)
    return Access(provider=provider, base=base, api_key=key)


def base_of(provider: Provider, base_url: str | None) -> URL:
    if base_url is not None:
        return _checked_base(base_url, provider, name="base_url")
    variable = provider.origin_variable or ""
    given = os.environ.get(variable)
    return (
        _checked_base(given, provider, name=variable)
        if given
        else _checked_base(provider.origin, provider, name="origin")
    )


def _checked_key(provider: Provider, origin: str, given: object) -> str:
    if not isinstance(given, str):
        raise ValueError(f"api_key must be text, or a function that returns it, got {type(given).__name__}")  # noqa: TRY004
    key = given.strip()
    if not key:
        is_given = provider.key_variable not in origin
        cure = f"set {provider.key_variable} in the environment, or pass Session(api_key=...)"
        raise ValueError(f"no API key: {f'{origin} is empty' if is_given else cure}")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError(
            f"the API key of {origin} contains characters that a key cannot have, such as spaces; check what was copied"
        )
    for other in BUILT_IN.values():
        is_theirs = key == os.environ.get(other.key_variable, "").strip()
        if is_theirs and other != provider and key != os.environ.get(provider.key_variable, "").strip():
            raise ValueError(
                f"the API key belongs to {other.name} ({other.key_variable}) and is not sent to {provider.name}: use "
                f"Session(provider={other.name!r}), or the key of {provider.name}"
            )
    return key


def _checked_base(base_url: object, provider: Provider, *, name: str) -> URL:
    """Return an origin; `name` is the option or the variable that it came from."""
    if not isinstance(base_url, str):
        raise TypeError(f"{name} must be a URL as text, got {base_url!r:.100}")
    try:
        url = URL(base_url)
    except ValueError as error:
        raise ValueError(f"{name} {base_url!r}: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{name} must be an absolute http(s) URL such as {provider.origin}, got {base_url!r}")
    if url.scheme == "http" and not is_this_machine(url.host):
        raise ValueError(f"{name} {base_url!r} would send the API key without encryption: use https")
    if url.user or url.query_string or url.fragment:
        raise ValueError(f"{name} must have no user, query or fragment")
    if url.path.rstrip("/").endswith("/v1"):
        raise ValueError(f"{name} {base_url!r} must be without /v1: the routes carry their own prefix")
    for other in BUILT_IN.values():
        if url.host == urlsplit(other.origin).hostname != urlsplit(provider.origin).hostname:
            raise ValueError(
                f"{name} {base_url!r} is the origin of {other.name}, which must not get a key of {provider.name}: use "
                f"Session(provider={other.name!r})"
            )
    return url
