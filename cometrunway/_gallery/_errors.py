"""What goes wrong with a gallery."""


class GalleryError(ValueError):
    """There is nothing to show, or nowhere to write it."""
