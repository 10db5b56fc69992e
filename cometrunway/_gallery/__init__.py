"""A batch as one page to look at: written to a file, or served while the batch runs."""

from cometrunway._gallery._page import write_page
from cometrunway._gallery._server import GalleryServer
from cometrunway._gallery._sources import FolderSource, GalleryError, JournalSource, Source, source_of

__all__ = ["FolderSource", "GalleryError", "GalleryServer", "JournalSource", "Source", "source_of", "write_page"]
