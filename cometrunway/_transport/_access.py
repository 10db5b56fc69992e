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
        ValueError: there is no key; the origin is not an absolute http(s) URL, or the key would be sent unencrypted; or
            the origin or the key belongs to another provider.
    """
    base = base_of(provider, base_url)
    source = api_key or os.environ.get(provider.key_variable) or ""
    return Access(provider=provider, base=base, api_key=ApiKey(source, check=partial(_checked_key, provider)))


def base_of(provider: Provider, base_url: str | None) -> URL:
    """Return where a provider's API is: as given, else by its environment variable; `ValueError` as of `access_to`."""
    variable = provider.origin_variable
    return _checked_base(base_url or (os.environ.get(variable) if variable else None) or provider.origin, provider)


def _checked_key(provider: Provider, given: object) -> str:
    if not isinstance(given, str):
        raise ValueError(f"api_key must be text, or a function that returns it, got {type(given).__name__}")  # noqa: TRY004
    key = given.strip()
    if not key:
        raise ValueError(f"no API key: set {provider.key_variable} in the environment, or pass Session(api_key=...)")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("the API key holds characters that no key has; was more than the key copied?")
    for other in BUILT_IN.values():
        is_theirs = key == os.environ.get(other.key_variable, "").strip()
        if is_theirs and other != provider and key != os.environ.get(provider.key_variable, "").strip():
            raise ValueError(
                f"the API key is that of {other.name} ({other.key_variable}) and is not sent to {provider.name}: pass "
                f"provider={other.name!r}, or the key of {provider.name}"
            )
    return key


def _checked_base(base_url: str, provider: Provider) -> URL:
    try:
        url = URL(base_url)
    except ValueError as error:
        raise ValueError(f"base_url {base_url!r}: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"base_url must be an absolute http(s) URL such as {provider.origin}, got {base_url!r}")
    if url.scheme == "http" and not is_this_machine(url.host):
        raise ValueError(f"base_url {base_url!r} would send the API key in the clear: use https")
    if url.user or url.query_string or url.fragment:
        raise ValueError("base_url must hold no user, query or fragment")
    if url.path.rstrip("/").endswith("/v1"):
        raise ValueError(f"base_url {base_url!r} must be without /v1: the routes carry their own prefix")
    for other in BUILT_IN.values():
        if url.host == urlsplit(other.origin).hostname != urlsplit(provider.origin).hostname:
            raise ValueError(
                f"base_url {base_url!r} is that of {other.name}, which gets no key of {provider.name}: pass "
                f"provider={other.name!r}"
            )
    return url
