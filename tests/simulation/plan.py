"""What one seed decides: the batch, the lives of the process that makes it, and how hostile its world is."""

from collections.abc import Collection
from random import Random
from typing import Literal

from attrs import evolve, frozen

from tests.simulation.disk import DiskRates
from tests.simulation.network import Rates

End = Literal["runs", "cancelled", "dies", "raises", "leaves"]
"""How one life of the process ends: by itself, by a cancellation at any turn of the loop, by its death at any write, by
an error of the user's own within the block, or by leaving the block early."""
Wave = tuple[float, float, str]
"""When a wave of one fault begins, how long it lasts, and which it is."""

_QUIET, _HEALTHY = Rates(), DiskRates()
_WAVES = ("429", "5xx", "html", "stale", "forgets", "expired", "full", "stall", "clock")


@frozen(kw_only=True)
class Life:
    """One life of the process."""

    end: End = "runs"
    at: int = 0
    """The turn of the loop, the write, or the handle at which it ends."""
    times: int = 1
    """How often it is cancelled."""
    gap: int = 1
    """Turns between two cancellations."""
    way: Literal["map", "submit"] = "map"
    network: Rates = _QUIET
    disk: DiskRates = _HEALTHY
    faults: float = 0.0
    """How often the server answers wrongly."""
    trouble: float = 120.0
    """Seconds after which nothing goes wrong any more."""
    waves: tuple[Wave, ...] = ()


@frozen(kw_only=True)
class Plan:
    """What happens in one run."""

    seed: int
    shots: int
    lives: tuple[Life, ...]
    has_journal: bool = True
    files: int = 1
    """How many files each task makes."""
    in_flight: int = 1000
    creates: int = 256
    per_second: float = 250.0
    seconds: float = 8.0
    """How long a task takes, at the median."""
    failure_rate: float = 0.0
    not_exist_seconds: float = 1.0
    videos: bool = False
    asset_lifetime: float = 86_400.0
    """Seconds for which the URL of a file is good."""
    kept: Collection[int] | None = None
    """The numbers of the faults that strike; None for all."""

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """Return what a seed decides."""
        rng = Random(f"plan {seed}")
        has_journal = rng.random() < 0.85
        lives = [_life(rng, is_only=not has_journal) for _ in range(rng.choice((1, 1, 2, 3)) if has_journal else 1)]
        return cls(
            seed=seed,
            shots=rng.choice((1, 2, 3, 4, 6)),
            lives=tuple(lives),
            has_journal=has_journal,
            files=rng.choice((1, 1, 1, 3)),
            in_flight=rng.choice((1, 2, 1000)),
            creates=rng.choice((1, 2, 256)),
            per_second=rng.choice((1.0, 4.0, 250.0)),
            seconds=rng.choice((2.0, 8.0, 40.0)),
            failure_rate=rng.choice((0.0, 0.0, 0.3)),
            not_exist_seconds=rng.choice((0.0, 1.0, 12.0)),
            videos=rng.random() < 0.06,
            asset_lifetime=rng.choice((86_400.0, 4.0, 1.5)),
        )

    def without_life(self, number: int) -> "Plan":
        """Return the plan with one life fewer."""
        return evolve(self, lives=self.lives[:number] + self.lives[number + 1 :])


def _life(rng: Random, *, is_only: bool) -> Life:
    ends: tuple[End, ...] = ("runs", "runs", "cancelled", "raises", "leaves")
    end = rng.choice(ends if is_only else (*ends, "dies", "dies"))
    strength = rng.choice((0.0, 0.02, 0.08, 0.2))
    trouble = rng.choice((20.0, 120.0, 300.0))
    at = {"runs": 0, "cancelled": _spread(rng, 3000), "dies": _spread(rng, 400), "raises": rng.randrange(3)}
    return Life(
        end=end,
        at=at.get(end, rng.randrange(1, 60)),
        times=rng.choice((1, 1, 2)),
        gap=rng.choice((1, 2, 5, 40)),
        way="map" if is_only else rng.choice(("map", "map", "submit")),
        network=_network(rng, strength),
        disk=DiskRates(
            slow=rng.choice((0.0, 0.0, strength / 4)),
            locked=rng.choice((0.0, 0.0, strength)),
            failed=rng.choice((0.0, 0.0, strength)),
        ),
        faults=rng.choice((0.0, strength, 2 * strength)),
        trouble=trouble,
        waves=tuple(
            (rng.uniform(0.0, trouble), rng.choice((3.0, 12.0, 40.0)), rng.choice(_WAVES))
            for _ in range(rng.choice((0, 0, 1, 3)))
        ),
    )


def _spread(rng: Random, most: int) -> int:
    """Draw a number from 1 to `most`, small ones as often as large ones."""
    return max(1, round(float(most ** rng.random())))


def _network(rng: Random, strength: float) -> Rates:
    kinds = (
        "refused",
        "unreachable",
        "reset_before",
        "reset_after",
        "cut",
        "lost",
        "late",
        "twice",
        "swapped",
        "split",
    )
    chosen = rng.sample(kinds, rng.randrange(len(kinds) + 1))
    latency = rng.choice((0.0005, 0.02, 0.4))
    return Rates(latency=latency, **{kind: strength / max(1, len(chosen) // 2) for kind in chosen})
