"""A folder of frame pictures, shown as if it were a video."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from warnings import warn

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor

from lga.errors import ClipWarning
from lga.labels import printable
from lga.video.files import check_bytes, check_size, choose_pictures, refusal

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
RATE = 25.0
"""pictures a second; a folder doesn't say how fast it was filmed"""


class PictureFolder:
    """The pictures of a folder in natural order, 25 a second; the counterpart of `VideoFile`.

    Where others lie beside them that are not theirs, such as their flow, a `ClipWarning` says so.
    """

    def __init__(self, folder: Path):
        self._pictures, others = choose_pictures(folder)
        if others:
            warn(str(refusal(folder, f"pictures left out: {printable(others)}")), ClipWarning, stacklevel=2)
        self.duration = len(self._pictures) / RATE
        self.last = (len(self._pictures) - 1) / RATE
        self.rate = RATE

    def pictures_at(self, times: Sequence[float]) -> Iterator[UInt8[Tensor, "height width 3"]]:
        """Yield the picture on screen at each of the ascending `times`, as `shown_at` does."""
        return (picture for _, picture in self.shown_at(times))

    def shown_at(self, times: Sequence[float]) -> Iterator[tuple[float, UInt8[Tensor, "height width 3"]]]:
        """Yield what is on screen at each of the ascending `times`: since when, and the picture, one object each.

        Raises:
            VideoError: a picture is damaged or absurdly large.
        """
        shown, picture = -1, torch.empty(0)
        for time in times:
            wanted = min(max(int(time * RATE + 1e-6), 0), len(self._pictures) - 1)
            if wanted != shown:
                shown, picture = wanted, read_picture(self._pictures[wanted])
            yield shown / RATE, picture


def read_picture(path: Path) -> UInt8[Tensor, "height width 3"]:
    """Read one picture as RGB, turned upright as its EXIF orientation says; what shows through is white.

    Raises:
        VideoError: it cannot be read, is damaged or absurdly large.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            check_size(path, *image.size)
            check_bytes(path, *image.size, stored=_stored(image))
            if image.format == "PNG":
                _check_sums(path)
            ImageOps.exif_transpose(image, in_place=True)
            upright = _plain(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise refusal(path, f"not a readable picture ({type(error).__name__})") from error
    return torch.from_numpy(np.array(upright))


def _check_sums(path: Path) -> None:
    """Compare a PNG with its checksums, which nobody looks at while its pixels are read."""
    with Image.open(path, formats=("PNG",)) as image:
        image.verify()


def _stored(image: Image.Image) -> float:
    """Bytes a pixel of what is held of a picture before it is RGB."""
    return 3.0 if image.mode == "RGB" and not image.has_transparency_data else 16.0


_DEEP = 65535
"""White in 16 bits."""


def _plain(image: Image.Image) -> Image.Image:
    """The picture in RGB of 8 bits; Pillow alone would cut off greys of 16 bits and drop what is transparent."""
    if image.mode.startswith("I"):
        grey, clear = np.asarray(image), image.info.get("transparency")
        grey = grey if clear is None else np.where(grey == clear, _DEEP, grey)
        image = Image.fromarray((grey.clip(0, _DEEP) / (_DEEP / 255)).round().astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")
