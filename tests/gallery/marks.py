"""A scan of a source, as the feed of a live page makes it."""

from cometrunway._gallery._source import Id, Source


def scanned(source: Source, known: dict[Id, int], after: Id | None = None) -> tuple[dict[Id, int], list[Id]]:
    """Return the marks of all shots that a scan sees, and the ids of those that it reads."""
    with source.scanning(lambda id_, mark: known.get(id_) == mark, after) as scan:
        seen = list(scan.shots)
    return {shot.id: shot.mark for shot in seen}, [shot.id for shot in seen if shot.card is not None]
