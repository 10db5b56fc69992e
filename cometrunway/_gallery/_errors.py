"""The error of a gallery."""


class GalleryError(ValueError):
    """The gallery has nothing to show, or cannot be written."""
