"""Tracebacks of errors that are kept, or given to users."""


def drop_frames(error: BaseException) -> None:
    """Remove the traceback of an error, and those of the errors behind it.

    Variables of the frames may hold secrets. They may also refer to the error; only the garbage collector would free
    both then, with all that the frames hold.
    """
    behind: list[BaseException] = [error]
    seen: set[int] = set()
    while behind:
        found = behind.pop()
        found.__traceback__ = None
        seen.add(id(found))
        behind += [one for one in (found.__cause__, found.__context__) if one is not None and id(one) not in seen]
