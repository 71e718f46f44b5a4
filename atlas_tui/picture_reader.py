"""Reads a picture that may be hostile and makes it small, as a child process that limits itself.

Decoders are large C programs that are fed with what jobs saved. Here they can neither take the app
down, nor the memory, nor more than some seconds; and a preview that nobody waits for any more is
ended by ending the process. The app never loads them.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import warnings
from typing import TYPE_CHECKING, NamedTuple

from foundations.text.quantities import size

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 64 * 1024**2
"""Largest file that is looked at."""
MOST_PIXELS = 40_000_000
MOST_JPEG_PIXELS = 200_000_000
"""More than of others: a JPEG file can be read at an eighth of its size."""
MOST_SIDE = 1_280
"""Longest side of what comes out: four times what a large terminal can show."""
_MEMORY_BYTES = 640 * 1024**2
_CPU_SECONDS = 10
_STARTS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
HEAD_BYTES = 16
"""So much of a file tells whether it is a picture."""


class Unreadable(ValueError):
    """The picture cannot be shown; the text says why."""


class Picture(NamedTuple):
    """A picture made small."""

    kind: str
    """Its format."""
    width: int
    """Of the original, as the next."""
    height: int
    is_several: bool
    """Whether it is the first of an animation or of several pages."""
    columns: int
    """Of the small one, as the next."""
    rows: int
    pixels: bytes
    """Red, green, blue and alpha of each pixel of the small one, row by row."""


def is_picture(data: bytes) -> bool:
    """Tell by its first bytes whether a file is a picture that can be read."""
    if any(data.startswith(start) for start in _STARTS):
        return True
    if data[:4] == b"RIFF":
        return data[8:12] == b"WEBP"
    return data[:2] == b"BM" and data[6:10] == bytes(4)  # two letters alone may be a text


def read(data: bytes) -> Picture:
    """Read a picture and make it small.

    Raises:
        Unreadable: it is broken, too large, or of a kind that is not read.
    """
    if len(data) > MOST_BYTES:
        raise Unreadable(f"more than {size(MOST_BYTES)} are not looked at")
    try:
        with warnings.catch_warnings(action="ignore"):  # about oddities that do not matter here
            return _read(data)
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable("it needs too much memory") from error
    # What is broken makes the decoders raise anything, from SyntaxError to ZeroDivisionError.
    except Exception as error:
        raise Unreadable(f"it is broken ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text and "BytesIO" not in text else type(error).__name__


def _read(data: bytes) -> Picture:
    # The formats that are not among the first must be loaded by name, or all others are as well.
    from PIL import Image, ImageOps, TiffImagePlugin, WebPImagePlugin  # noqa: F401 - see above

    Image.MAX_IMAGE_PIXELS = None  # what is too large depends on the format here
    _check_webp(data)
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        kind = "JPEG" if image.format == "MPO" else str(image.format)
        width, height = image.size
        _check(kind, width, height)
        several = bool(getattr(image, "is_animated", False))
        small: Image.Image = _with_channels(image)
        small.thumbnail((MOST_SIDE, MOST_SIDE), reducing_gap=1.5)
        turned = ImageOps.exif_transpose(small)
    if turned.size != small.size:
        width, height = height, width
    pixels = turned.convert("RGBA")
    return Picture(kind, width, height, several, *pixels.size, pixels.tobytes())


def _check(kind: str, width: int, height: int) -> None:
    most = MOST_JPEG_PIXELS if kind == "JPEG" else MOST_PIXELS
    if width * height > most:
        raise Unreadable(
            f"{width} by {height} are {width * height // 1_000_000:,} million pixels, "
            f"and more than {most // 1_000_000} of a {kind} file are not looked at"
        )


def _check_webp(data: bytes) -> None:
    """Look at the size before the decoder does, which takes the memory for it at once."""
    if data[:4] == b"RIFF" and data[12:16] == b"VP8X":
        (wide, high) = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        _check("WEBP", wide, high)


def _with_channels(image: Image) -> Image:
    """The picture in a form that can be made small smoothly: no palette, no more than 8 bits."""
    if image.mode in ("1", "P", "PA"):
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        wide = image.convert("F")
        low, high = wide.getextrema()
        if not isinstance(low, float) or not isinstance(high, float) or not low < high:
            return image.convert("L")
        scale = 255 / (high - low)
        return wide.point(lambda value: value * scale - low * scale).convert("L")
    return image


def main() -> None:
    """Answer with a line of JSON and the pixels, for the file on standard input."""
    _limit_self()
    try:
        picture = read(sys.stdin.buffer.read(MOST_BYTES + 1))
    except Unreadable as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return
    facts = picture._asdict()
    pixels = facts.pop("pixels")
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n" + pixels)


def _limit_self() -> None:
    limits = {
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_CPU: _CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for number, most in limits.items():
        with contextlib.suppress(ValueError, OSError):  # a lower limit is there already
            resource.setrlimit(number, (most, most))


if __name__ == "__main__":
    main()
