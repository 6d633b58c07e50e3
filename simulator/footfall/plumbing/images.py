"""Images from strangers: read within limits, named by their content.

An image is a file or bytes; what is kept of it is a hash, and the way back to its content.
"""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""Formats that are read, and how addresses name them."""

MOST_BYTES = 8 * 2**20
MOST_PIXELS = 4096
"""Of the longer side."""


class UnfitImageError(ValueError):
    """What is wrong with an image, in a few words."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image, compared by its content."""

    digest: str
    """SHA-256 of the file's bytes, in hexadecimal digits."""
    form: str
    """One of ``FORMATS``."""
    size: tuple[int, int]
    """Width and height in pixels."""
    source: Path | bytes = field(compare=False, repr=False)

    @classmethod
    def read(cls, source: Path | bytes) -> ImageFile:
        """Look at an image without computing its pixels.

        Raises:
            UnfitImageError: It is missing, too large, of another format, or damaged.
            ModuleNotFoundError: Pillow is not installed.
        """
        data = _content(source)
        digest = hashlib.sha256(data).hexdigest()
        form, size = _looked_at(data)
        return cls(digest, form, size, source)

    def content(self) -> bytes:
        """The file's bytes.

        Raises:
            UnfitImageError: It is gone, or another one by now.
        """
        data = _content(self.source)
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise UnfitImageError("was changed since the run began")
        return data

    def pixels(self) -> Any:
        """The image as Pillow has it, in RGB, for an engine in this process."""
        from PIL import Image  # noqa: PLC0415 - only those who show images have it

        with Image.open(io.BytesIO(self.content())) as image:
            return image.convert("RGB")

    def address(self) -> str:
        """The image as a ``data:`` address, for a server."""
        return f"data:{FORMATS[self.form]};base64,{base64.b64encode(self.content()).decode()}"

    def small(self, side: int = 96) -> str:
        """A small copy, as a ``data:`` address, for a page.

        Raises:
            UnfitImageError: It is gone, or another one by now.
        """
        copy, found = io.BytesIO(), self.pixels()
        found.thumbnail((side, side))
        found.save(copy, "JPEG", quality=80)
        return f"data:image/jpeg;base64,{base64.b64encode(copy.getvalue()).decode()}"

    def __str__(self) -> str:
        """For people: format, size and the beginning of the hash."""
        return f"{self.form} {self.size[0]}x{self.size[1]}, sha256 {self.digest[:16]}"


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        size = len(source)
    else:
        try:
            size = source.stat().st_size
        except OSError as error:
            raise UnfitImageError(f"cannot be read: {error.strerror}") from None
    if size > MOST_BYTES:
        raise UnfitImageError(f"{size:,} bytes; the most are {MOST_BYTES:,}")
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise UnfitImageError(f"cannot be read: {error.strerror}") from None


def _looked_at(data: bytes) -> tuple[str, tuple[int, int]]:
    from PIL import Image  # noqa: PLC0415 - only those who show images have it

    try:
        # A header may promise a billion pixels: Pillow warns, and the limit below refuses.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=list(FORMATS)) as image:
                form, size = str(image.format), image.size
                fits = max(size) <= MOST_PIXELS
                if fits:
                    image.load()  # a damaged one is told now, and not in the middle of a run
    except Exception:  # noqa: BLE001 - Pillow raises anything at damaged files
        raise UnfitImageError(f"is no sound {', '.join(FORMATS)}") from None
    if not fits:
        raise UnfitImageError(
            f"{size[0]}x{size[1]} pixels; the longer side has at most {MOST_PIXELS:,}"
        )
    return form, size
