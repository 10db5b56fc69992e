"""Makes local images fit with the libraries of the extra `images`. Imported only if a user asks for it."""

import io
import math
from typing import BinaryIO

import PIL.Image
from attrs import frozen
from PIL import ImageCms

from cometrunway._media._image_headers import exif_orientation
from cometrunway._media._image_limits import ImageLimits
from cometrunway._media._inputs import LocalFile
from cometrunway._media._urls import shown

_FORMATS = {
    "image/jpeg": ("JPEG",),
    "image/png": ("PNG",),
    "image/webp": ("WEBP",),
    "image/gif": ("GIF",),
    "image/bmp": ("BMP",),
    "image/tiff": ("TIFF",),
    "image/avif": ("AVIF",),
}
"""The formats that Pillow opens. A plug-in opens HEIC."""
_LOSSLESS = frozenset({"image/png", "image/gif", "image/bmp", "image/tiff"})
_TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""The operation that makes an image upright, for each Exif orientation."""
_MOST_SIDE = 8000
"""The greatest side in pixels if a model has no limit."""
_USEFUL_SIDE = 4096
"""The first side in pixels that is tried for an image with too many bytes. Models use fewer pixels."""
_LEAST_SIDE = 16
_QUALITY = 92
"""The quality of JPEG and WebP, of 100."""
_LIKELY_RATE = 8
"""The expected compression factor of a PNG. If more is needed, PNG is not tried."""


@frozen(kw_only=True)
class Fitted:
    """A file that was made of an image."""

    content: bytes
    done: tuple[str, ...]
    """The changes, such as `turned upright`."""
    was: tuple[int, int]
    """Width and height of the original image as it is shown."""
    size: tuple[int, int]
    """Width and height of the new image."""


class _RefusedError(Exception):
    """The reason why an image cannot be made to fit, as the end of a sentence."""


@frozen
class _Decoded:
    pixels: PIL.Image.Image
    size: tuple[int, int]
    """The size in the file. Fewer pixels of a JPEG may have been decoded."""
    orientation: int
    profile: bytes | None
    frames: int


def shrunk(file: LocalFile, limits: ImageLimits, *, most_bytes: int | None) -> Fitted:
    """Return an image that fits: upright, in sRGB, within the limits, as JPEG, PNG or WebP. Call it in a thread.

    Transparency is kept. Metadata, such as the location of a photo, are removed. The same image and the same version
    of Pillow give the same bytes. The memory is about three times that of all pixels of the image.

    Args:
        file: the image.
        limits: the limits of width and height. The usual ratio is also applied.
        most_bytes: the largest size of the new file in bytes; None for no limit.

    Raises:
        ValueError: it cannot be opened, is damaged, has more pixels than Pillow opens, or a library is missing.
    """
    try:
        return _fitted(file, limits, most_bytes)
    except _RefusedError as error:
        raise ValueError(f"local file {shown(file.source)} {error}") from error


def _fitted(file: LocalFile, limits: ImageLimits, most_bytes: int | None) -> Fitted:
    is_large = most_bytes is not None and file.size > most_bytes
    decoded = _decoded(file, limits, min(limits.most_side or _MOST_SIDE, _USEFUL_SIDE if is_large else _MOST_SIDE))
    done = [f"reduced to the first of its {decoded.frames} frames"] if decoded.frames > 1 else []
    was, turn, upright = decoded.size, _TURNS.get(decoded.orientation), decoded.pixels
    is_scaled = upright.size != was
    if turn is not None:
        upright, was = upright.transpose(turn), was if decoded.orientation < 5 else (was[1], was[0])
        done.append("turned upright")
    cropped = _cropped(upright, limits)
    if cropped is not upright:
        done.append("cropped")
    coloured, profile, source = _in_srgb(cropped, decoded.profile)
    if source:
        done.append(f"its colours converted from {source} to sRGB")
    encoded, media_type, size = _encoded(coloured, file, profile, most_bytes)
    if is_scaled or size != cropped.size:
        done.append("scaled")
    if media_type != file.type.media_type:
        done.append(f"converted to {media_type}")
    return Fitted(content=encoded, done=tuple(done or ["compressed"]), was=was, size=size)


def _decoded(file: LocalFile, limits: ImageLimits, most_side: int) -> _Decoded:
    """Open and decode an image, with so few pixels that no side of the result is longer than `most_side`."""
    try:
        with file.opened() as content:
            image = _opened(content, file.type.media_type)
            size, orientation = image.size, exif_orientation(image.info.get("exif") or b"")
            kept = _fitting_size(size if orientation < 5 else (size[1], size[0]), limits)
            factor = min(1.0, most_side / max(kept))
            scaled = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
            image.draft(None, scaled)  # fewer pixels of a JPEG are decoded
            image.load()
            frames = getattr(image, "n_frames", 1) if file.type.media_type != "image/jpeg" else 1
            profile = image.info.get("icc_profile")
            return _Decoded(_resized(_plain(image), scaled), size, orientation, profile, frames)
    except _RefusedError:
        raise
    except Exception as error:
        raise _RefusedError(f"cannot be opened as {file.type.media_type}: {error}") from error


def _opened(content: BinaryIO, media_type: str) -> PIL.Image.Image:
    """Open an image without decoding it."""
    if media_type in _FORMATS:
        image: PIL.Image.Image = PIL.Image.open(content, formats=_FORMATS[media_type])
        _check_pixels(image.size)
        return image
    try:
        import pillow_heif  # noqa: PLC0415 - few images need it
    except ImportError as error:
        raise _RefusedError(f"is {media_type}, which needs pillow-heif: pip install 'cometrunway[images]'") from error
    opened = pillow_heif.open_heif(content.read(), convert_hdr_to_8bit=True)
    _check_pixels(opened.size)
    converted: PIL.Image.Image = opened.to_pillow()  # turned upright, as Pillow does with TIFF
    return converted


def _check_pixels(size: tuple[int, int]) -> None:
    most = PIL.Image.MAX_IMAGE_PIXELS
    if most is not None and size[0] * size[1] > most:
        raise _RefusedError(f"has {size[0]}x{size[1]} pixels; at most {most} are opened (PIL.Image.MAX_IMAGE_PIXELS)")


def _plain(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return the image with 8 bits for each colour, with transparency as a channel if it has any, without metadata."""
    has_alpha = image.mode in {"LA", "PA", "La", "RGBa", "RGBA"} or "transparency" in image.info
    if image.mode == "F":
        raise _RefusedError("has colours in floating point, whose range is not known; convert it")
    if image.mode.startswith("I"):  # 16 bits
        made = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    elif has_alpha:
        made = image.convert("RGBA")
        made = made.convert("RGB") if made.getchannel("A").getextrema() == (255, 255) else made
    elif image.mode in {"L", "RGB", "CMYK"}:
        made = image
    else:
        made = image.convert("L" if image.mode == "1" else "RGB")
    made.info = {}
    return made


def _resized(image: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    return image if image.size == size else image.resize(size, PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)


def _cropped(image: PIL.Image.Image, limits: ImageLimits) -> PIL.Image.Image:
    """Crop both ends of an image that is too wide or too tall."""
    width, height = _fitting_size(image.size, limits)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _fitting_size(size: tuple[int, int], limits: ImageLimits) -> tuple[int, int]:
    """Return the greatest width and height whose ratio is within the limits."""
    width, height = size
    for bounds in (limits.ratio, limits.usual_ratio):
        if bounds is not None:
            width = max(1, min(width, math.floor(height * bounds[1])))
            height = max(1, min(height, math.floor(width / bounds[0])))
    return width, height


def _in_srgb(image: PIL.Image.Image, profile: bytes | None) -> tuple[PIL.Image.Image, bytes | None, str]:
    """Return the image in sRGB, a kept profile, and the original profile. A profile that cannot be applied is kept."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours, source = image.convert("RGB") if alpha else image, ""
    if profile:
        try:
            known = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            described = ImageCms.getProfileDescription(known).strip()
            if "srgb" not in described.lower():
                converted = ImageCms.profileToProfile(colours, known, ImageCms.createProfile("sRGB"), outputMode="RGB")
                colours, source = converted or colours, described
            profile = None
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            profile = profile if colours.mode in {"L", "RGB"} else None
    if colours.mode not in {"L", "RGB"}:
        colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours, profile, source


def _encoded(
    image: PIL.Image.Image, file: LocalFile, profile: bytes | None, most_bytes: int | None
) -> tuple[bytes, str, tuple[int, int]]:
    """Return a file within the limit of bytes, with as many pixels as possible; its media type, width and height."""
    has_alpha = image.mode == "RGBA"
    raw = image.width * image.height * len(image.getbands())
    is_png_likely = most_bytes is None or raw < most_bytes * _LIKELY_RATE
    if is_png_likely and (has_alpha or file.type.media_type in _LOSSLESS):
        content = _saved(image, "PNG", profile)
        if most_bytes is None or len(content) <= most_bytes:
            return content, "image/png", image.size
    form = "WEBP" if has_alpha else "JPEG"
    size = image.size
    while min(size) >= min(_LEAST_SIDE, *image.size):
        content = _saved(_resized(image, size), form, profile)
        if most_bytes is None or len(content) <= most_bytes:
            return content, f"image/{form.lower()}", size
        factor = min(0.9, max(0.6, math.sqrt(most_bytes / len(content))))
        size = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
    raise _RefusedError(f"cannot be made to fit into {most_bytes} bytes")


def _saved(image: PIL.Image.Image, form: str, profile: bytes | None) -> bytes:
    file = io.BytesIO()
    options = {} if form == "PNG" else {"quality": _QUALITY}
    image.save(file, form, icc_profile=profile, **options)
    return file.getvalue()
