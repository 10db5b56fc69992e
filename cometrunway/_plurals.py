"""Counts of things in words: one has a singular."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 shot`, `1,234 shots`.

    Args:
        number: how many there are.
        noun: the singular; it may go on with a verb, as `shot is`.
        plural: the plural, where it is not the singular and an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def be(number: int) -> str:
    """Return the verb of so many things: `is` or `are`."""
    return "is" if number == 1 else "are"
