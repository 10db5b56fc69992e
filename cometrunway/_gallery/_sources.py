"""Finds the source that a path names."""

from cometrunway._gallery._cards import MEDIA_TYPES
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._folder_source import FolderSource
from cometrunway._gallery._journal_source import JournalSource, opened
from cometrunway._gallery._source import Source
from cometrunway._journal._place import Place, PostgresUrl


def source_of(place: Place) -> Source:
    """Return the source that a user names: a folder of media files, or a journal.

    Raises:
        GalleryError: the path does not exist, or its folder has no media file.
        JournalError: the path is a file, but not a journal.
    """
    if isinstance(place, PostgresUrl):
        return _journal(place)
    path = place
    if path.is_dir():
        folder = FolderSource(path)
        with folder.reading() as batch:
            if not any(True for _ in batch.cards):
                kinds = " ".join(sorted(MEDIA_TYPES))
                raise GalleryError(f"no media file in the folder {path}; a gallery shows {kinds}")
        return folder
    if not path.exists():
        raise GalleryError(f"there is no {path}: name a journal (of `run --journal`) or a folder of media files")
    if path.suffix.lower() in MEDIA_TYPES:
        raise GalleryError(f"{path} is one media file: name the folder that it is in")
    return _journal(path)


def _journal(place: Place) -> JournalSource:
    with opened(place):
        return JournalSource(place)
