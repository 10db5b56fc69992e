"""The prices of creates, from a file of prices. Each gateway has its own."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cometrunway._plurals import counted
from cometrunway._requests._routes import Request

_UNITS = ("per_second", "per_image")
_CURE = "add [models.{}] with per_second or per_image"


@frozen(kw_only=True)
class Billed:
    """A create that is billed."""

    model: str
    """The request's model; the route if it has no models."""
    seconds: Decimal | None
    """The length in the request, if it has one."""
    images: int = 1

    @classmethod
    def of(cls, asked: Request | Mapping[str, Any], *, images: int = 1) -> "Billed":
        """Return the billed create of a request, or of its description in a journal."""
        fields = asked if isinstance(asked, Mapping) else _fields(asked)
        length = fields.get("duration") or fields.get("seconds")
        is_number = isinstance(length, int | float) and not isinstance(length, bool)
        return cls(
            model=str(fields.get("model") or fields.get("route")),
            seconds=Decimal(str(length)) if is_number else None,
            images=images,
        )


def _fields(request: Request) -> dict[str, Any]:
    names = ("model", "duration", "seconds")
    return {"route": request.route, **{name: getattr(request, name, None) for name in names}}


@frozen(kw_only=True)
class _Price:
    per_second: Decimal | None = None
    per_image: Decimal | None = None
    seconds: Decimal | None = None

    def of(self, billed: Billed) -> Decimal | None:
        """Return the price; None if the length is not known."""
        if self.per_image is not None:
            return self.per_image * billed.images
        seconds = billed.seconds if billed.seconds is not None else self.seconds
        return None if seconds is None or self.per_second is None else self.per_second * seconds


@frozen(kw_only=True)
class Prices:
    """The prices of models, as a file has them.

    currency = "USD"

    [models.gen4_turbo]
    per_second = 0.05

    [models.gen4_image]
    per_image = 0.08

    [models.upscale_v1]
    per_second = 0.02
    seconds = 10            # for requests that name no length
    """

    path: Path
    currency: str
    _models: Mapping[str, _Price] = field(alias="models")

    @classmethod
    def read(cls, path: Path) -> "Prices":
        """Read a file of prices.

        Raises:
            ValueError: it cannot be read, or something in it is wrong. The message names the file and the model.
        """
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        except OSError as error:
            raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: is not TOML: {error}") from error
        unknown = sorted(content.keys() - {"currency", "models"})
        models, currency = content.get("models"), content.get("currency", "")
        if unknown:
            raise ValueError(f"{path}: knows `currency` and `models`, got {unknown[0]!r}")
        if not isinstance(currency, str):
            raise ValueError(f"{path}: currency must be text, got {currency!r}")  # noqa: TRY004 - the file is wrong
        if not isinstance(models, dict) or not models:
            raise ValueError(f"{path}: names no model; {_CURE.format('gen4_turbo')}")
        return cls(
            path=path, currency=currency, models={name: _price(path, name, given) for name, given in models.items()}
        )

    def check(self, billed: Iterable[Billed]) -> None:
        """Check that there is a price for each; else `ValueError`, which names the first model without a price."""
        missing: Counter[str] = Counter()
        without_length: Counter[str] = Counter()
        for each in billed:
            if each.model not in self._models:
                missing[each.model] += 1
            elif self._models[each.model].of(each) is None:
                without_length[each.model] += 1
        for model, count in missing.items():
            users = counted(count, "shot uses", "shots use")
            raise ValueError(f"{self.path}: has no price for the model {model!r}, which {users}; {_CURE.format(model)}")
        for model, count in without_length.items():
            shots = counted(count, "shot names", "shots name")
            raise ValueError(
                f"{self.path}: the model {model!r} has a price per second, and {shots} no length; add `seconds` to it"
            )

    def cost(self, billed: Billed) -> Decimal:
        """Return the price of a create that `check` has accepted."""
        price = self._models[billed.model].of(billed)
        assert price is not None  # noqa: S101 - that was checked
        return price

    def total(self, requests: Iterable[Request]) -> Decimal:
        """Return the price of requests; `ValueError` if one has no price."""
        billed = [Billed.of(request) for request in requests]
        self.check(billed)
        return sum(map(self.cost, billed), Decimal(0))

    def amount(self, cost: Decimal) -> str:
        """Return a price as text, such as `1,234.50 USD`."""
        return f"{cost:,.2f} {self.currency}".rstrip()


def _price(path: Path, model: str, given: object) -> _Price:
    if not isinstance(given, dict):
        raise ValueError(  # noqa: TRY004 - the file is wrong
            f"{path}: the model {model!r} must be a table; {_CURE.format(model)}"
        )
    unknown = sorted(given.keys() - {*_UNITS, "seconds"})
    if unknown:
        raise ValueError(f"{path}: the model {model!r}: knows per_second, per_image and seconds, got {unknown[0]!r}")
    if len(given.keys() & set(_UNITS)) != 1:
        raise ValueError(f"{path}: the model {model!r} must have one price: per_second or per_image")
    return _Price(**{name: _number(path, model, name, value) for name, value in given.items()})


def _number(path: Path, model: str, name: str, value: object) -> Decimal:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    number = Decimal(str(value)) if is_number else Decimal(-1)
    if not number.is_finite() or number < 0:
        raise ValueError(f"{path}: the model {model!r}: {name} must be a number of at least 0, got {value!r}")
    return number
