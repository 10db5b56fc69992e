"""Writes numbers with their nouns, in singular or plural."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 shot`, `1,234 shots`.

    Args:
        number: how many there are.
        noun: the singular; it may go on with a verb, as `shot is`.
        plural: the plural, if it is not the singular with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def be(number: int) -> str:
    """Return the verb for a number of things: `is` or `are`."""
    return "is" if number == 1 else "are"
