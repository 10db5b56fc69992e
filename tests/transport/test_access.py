"""Which key goes to which origin."""

import pytest

from cometrunway import Session
from cometrunway._transport._access import access_to
from cometrunway._wire._provider import COMETAPI, RUNWAY, Provider

OTHERS = [(COMETAPI, RUNWAY), (RUNWAY, COMETAPI)]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both providers have a key, and neither another origin."""
    for provider in (COMETAPI, RUNWAY):
        monkeypatch.setenv(provider.key_variable, f"key-of-{provider.name}")
        monkeypatch.delenv(str(provider.origin_variable), raising=False)


@pytest.mark.parametrize("provider", [COMETAPI, RUNWAY])
def test_the_key_and_the_origin_are_the_providers(provider: Provider) -> None:
    """Nothing given, both come from the provider and its own variable; and the key is in no repr."""
    access = access_to(provider, api_key=None, base_url=None)
    assert (str(access.base).rstrip("/"), access.api_key.value) == (provider.origin, f"key-of-{provider.name}")
    assert "key-of" not in repr(access)


@pytest.mark.parametrize(("provider", "other"), OTHERS)
def test_a_key_of_another_provider_is_not_sent(provider: Provider, other: Provider) -> None:
    """Given explicitly, it is known by the other's variable; the error says so, and does not show it."""
    with pytest.raises(
        ValueError, match=f"belongs to {other.name} .* use Session\\(provider='{other.name}'\\)"
    ) as caught:
        Session(f" key-of-{other.name}", provider=provider)
    assert "key-of" not in str(caught.value)


@pytest.mark.parametrize(("provider", "other"), OTHERS)
def test_a_key_is_not_sent_to_another_providers_origin(
    provider: Provider, other: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither `base_url` nor the environment can direct it there, wherever the key came from."""
    for api_key in (None, "a-key-of-mine"):
        with pytest.raises(
            ValueError, match=f"the origin of {other.name}, which must not get a key of {provider.name}"
        ):
            Session(api_key, provider=provider, base_url=other.origin.upper().replace("HTTPS", "https"))
    monkeypatch.setenv(str(provider.origin_variable), f"{other.origin}/below")
    with pytest.raises(ValueError, match=f"the origin of {other.name}"):
        Session(provider=provider)


@pytest.mark.parametrize(("provider", "other"), OTHERS)
def test_anothers_variables_count_for_nothing(
    provider: Provider, other: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another provider's origin and key in the environment change nothing, and do not stand in for what is missing."""
    monkeypatch.setenv(str(other.origin_variable), "https://elsewhere.example")
    assert str(access_to(provider, api_key=None, base_url=None).base).rstrip("/") == provider.origin
    monkeypatch.delenv(provider.key_variable)
    with pytest.raises(ValueError, match=f"set {provider.key_variable}"):
        Session(provider=provider)


def test_one_key_in_both_variables_is_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user has named as the key of both is sent to each."""
    key = f"key-of-{COMETAPI.name}"
    monkeypatch.setenv(RUNWAY.key_variable, key)
    assert access_to(RUNWAY, api_key=key, base_url=None).api_key.value == key


def test_a_described_provider_may_share_an_origin() -> None:
    """A second key of one's own for the same API has a name and a variable of its own."""
    team = Provider(name="team", origin=RUNWAY.origin, key_variable="TEAM_KEY", prefix="/v1")
    assert access_to(team, api_key="sk-team", base_url=None).base.host == "api.dev.runwayml.com"
