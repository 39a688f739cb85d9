"""Pictures to the text that is on them. The only file that knows Pillow and rapidocr.

A picture is decoded to pixels, and nothing else of the file is looked at: place, time and camera never get further than
this module. Text is found and read by PP-OCRv4, the successor of Li et al., "PP-OCRv3" (2022), as rapidocr brings it.
"""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from chatrec.errors import BadInput, ModelMissing
from chatrec.settings import Settings

MAX_BYTES = 12_000_000
MAX_PIXELS = 50_000_000  # a phone's best; 150 MB when decoded
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
_SIDE = 1600  # pixels of the longer side beyond which nothing more is read
_SMALL = 700  # of the longer side; smaller pictures are enlarged, since the reader misses small letters
_LEGIBLE = 0.6  # certainty from which a line counts
_LITTLE = 4  # letters: with fewer the picture may be lying on its side
_UPRIGHT = 1.5  # how much taller than wide a line's box is when the line runs upwards


@dataclass(frozen=True)
class Line:
    """A line of text on a picture. ``height`` of its letters in pixels; ``confidence`` in [0, 1]."""

    text: str
    confidence: float
    height: float


def is_picture(data: bytes) -> bool:
    """Whether the content starts like a picture that is read."""
    return data.startswith(_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def decode(data: bytes) -> np.ndarray:
    """(h, w, 3) uint8 RGB, upright as the camera was held, transparent parts white, at most 1,600 pixels a side.

    Raises:
        BadInput: empty, no picture, damaged, too many bytes or pixels; the size is checked before decoding.
    """
    if not data:
        raise BadInput("the picture is empty: send it again")
    if len(data) > MAX_BYTES:
        raise BadInput(f"the picture has more than {MAX_BYTES // 1_000_000} MB: send a smaller one")
    if not is_picture(data):
        raise BadInput("that is no picture that can be read: send JPEG, PNG, WebP or GIF")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's, about sizes: ours are checked here
            return _pixels(Image.open(io.BytesIO(data), formats=FORMATS))
    except Image.DecompressionBombError:  # far beyond our limit
        raise _too_many_pixels() from None
    except (OSError, SyntaxError, ValueError):
        raise BadInput("the picture is damaged: send it again as JPEG or PNG") from None


def _pixels(image: Image.Image) -> np.ndarray:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()
    image.draft("RGB", (_SIDE, _SIDE))  # a JPEG is decoded no larger than needed
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    longer = max(image.size)
    scale = _SIDE / longer if longer > _SIDE else 2 if longer < _SMALL else 1
    if scale != 1:
        size = tuple(max(1, round(side * scale)) for side in image.size)
        image = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image)


def _too_many_pixels() -> BadInput:
    return BadInput(f"the picture has more than {MAX_PIXELS // 1_000_000} million pixels: send a smaller one")


class Reader:
    """Reads the text on pictures. Safe to use from several threads: one picture at a time.

    Raises: ModelMissing when the reader's libraries can't be loaded.
    """

    def __init__(self, threads: int = 1) -> None:
        try:  # here, since OpenCV needs a library of the system's: without it the chat still starts
            from rapidocr_onnxruntime import RapidOCR
        except ImportError as error:
            raise ModelMissing(f"pictures can't be read: {error}; on Debian install libgl1 and libglib2.0-0") from None
        self._ocr = RapidOCR(intra_op_num_threads=threads, inter_op_num_threads=1)
        self._lock = threading.Lock()  # rapidocr keeps the size of the last picture in itself

    def read(self, pixels: np.ndarray) -> tuple[Line, ...]:
        """The legible lines, from top to bottom, however the picture was held: a third to two seconds.

        A picture that is upside down gives its lines from bottom to top: each line is turned by itself.
        """
        with self._lock:
            lines, sideways = self._once(pixels)
            if sideways:
                return self._once(np.rot90(pixels))[0]
            if _letters(lines) < _LITTLE:
                turned = [self._once(np.rot90(pixels, turns))[0] for turns in (1, 2, 3)]
                lines = max([lines, *turned], key=_letters)
            return lines

    def _once(self, pixels: np.ndarray) -> tuple[tuple[Line, ...], bool]:
        """The lines as the picture lies, and whether most of them run up or down."""
        found, _ = self._ocr(np.ascontiguousarray(pixels[:, :, ::-1]))
        lines, upright = [], 0
        for box, text, confidence in found or ():
            width, height = _sides(np.array(box))
            upright += 1 if height > _UPRIGHT * width else -1
            if float(confidence) >= _LEGIBLE:
                lines.append(Line(text.strip(), float(confidence), min(width, height)))
        return tuple(lines), upright > 0


def _sides(box: np.ndarray) -> tuple[float, float]:
    """Width and height of a box given by its four corners, from the top left clockwise."""
    return float(np.linalg.norm(box[1] - box[0])), float(np.linalg.norm(box[3] - box[0]))


def _letters(lines: tuple[Line, ...]) -> int:
    return sum(c.isalpha() for line in lines for c in line.text)


def load_reader(settings: Settings) -> Reader:
    """The reader, with its weights."""
    return Reader(settings.threads)
