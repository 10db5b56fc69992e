"""Tracebacks of errors that are given to users."""


def drop_frames(error: BaseException) -> None:
    """Remove the traceback of an error, and those of the errors behind it: their variables may hold secrets."""
    behind: list[BaseException] = [error]
    seen: set[int] = set()
    while behind:
        found = behind.pop()
        found.__traceback__ = None
        seen.add(id(found))
        behind += [one for one in (found.__cause__, found.__context__) if one is not None and id(one) not in seen]
