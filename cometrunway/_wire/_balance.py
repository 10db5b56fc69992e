"""The balance and the usage of an account, if the provider has requests for them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from attrs import field, frozen

from cometrunway._wire._body import parsed
from cometrunway._wire._http import HttpRequest, HttpResponse
from cometrunway._wire._provider import Provider
from cometrunway._wire._refusals import no_answer, refusal
from cometrunway.errors import BalanceNotSupportedError


@frozen(kw_only=True)
class Balance:
    """The balance of an account."""

    credits: int
    """In the provider's own unit."""
    daily_left: Mapping[str, int] = field(factory=dict)
    """The number of tasks that may still be created today, by model, if the provider limits it."""
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    """The whole parsed answer."""


@frozen(kw_only=True)
class Usage:
    """The usage of one model on one day."""

    day: date
    model: str
    credits: int
    """In the provider's own unit."""


def balance_request(provider: Provider) -> HttpRequest:
    """Return the request for the balance; `BalanceNotSupportedError` if there is none."""
    _check(provider)
    return HttpRequest(method="GET", path=f"{provider.prefix}/organization")


def usage_request(provider: Provider) -> HttpRequest:
    """Return the request for the usage of the last days; `BalanceNotSupportedError` if there is none."""
    _check(provider)
    return HttpRequest(method="POST", path=f"{provider.prefix}/organization/usage", body=b"{}")


def decode_balance(response: HttpResponse) -> Balance:
    """Return the balance in an answer.

    Raises:
        APIError: the API refused.
        ProtocolError: the answer has no balance.
    """
    body = _accepted(response)
    left = body.get("creditBalance")
    if not isinstance(left, int):
        raise no_answer(response, missing="a balance")
    return Balance(credits=left, daily_left=_daily_left(body), raw=body)


def decode_usage(response: HttpResponse) -> tuple[Usage, ...]:
    """Return the usage in an answer, day by day.

    Raises:
        APIError: the API refused.
        ProtocolError: the answer has no usage.
    """
    try:
        return tuple(
            Usage(day=date.fromisoformat(result["date"]), model=str(used["model"]), credits=int(used["amount"]))
            for result in _accepted(response)["results"]
            for used in result["usedCredits"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise no_answer(response, missing="a usage") from error


def _check(provider: Provider) -> None:
    if not provider.has_balance:
        raise BalanceNotSupportedError(f"{provider.name} has no request for the balance; its website shows it")


def _accepted(response: HttpResponse) -> Mapping[str, Any]:
    body = parsed(response.body)
    if body is None or not 200 <= response.status < 300:
        raise refusal(response, body)
    return body


def _daily_left(body: Mapping[str, Any]) -> dict[str, int]:
    limits = _models(body.get("tier"))
    used = _models(body.get("usage"))
    return {
        model: limit["maxDailyGenerations"] - used.get(model, {}).get("dailyGenerations", 0)
        for model, limit in limits.items()
        if isinstance(limit, dict) and isinstance(limit.get("maxDailyGenerations"), int)
    }


def _models(part: object) -> Mapping[str, Any]:
    models = part.get("models") if isinstance(part, dict) else None
    return models if isinstance(models, dict) else {}
