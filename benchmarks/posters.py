"""Posters of our own making, with a title we know: no film's real one, so nobody's picture is in the repository."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = (600, 900)
FONTS = ("DejaVuSerif-Bold.ttf", "DejaVuSans-Bold.ttf", "LiberationSerif-Bold.ttf", "LiberationSansNarrow-Bold.ttf")
TAGLINES = (
    "In cinemas this winter",
    "Nothing is what it seems",
    "One night changes everything",
    "The truth is waiting",
)
MARGIN = 40


def poster(title: str, people: Sequence[str], rng: random.Random) -> Image.Image:
    """A dark sheet with shapes on it, names, the title in large letters over several lines, and small print."""
    sheet = Image.new("RGB", SIZE, tuple(rng.randrange(10, 90) for _ in range(3)))
    draw = ImageDraw.Draw(sheet)
    for _ in range(6):
        x, y, r = rng.randrange(SIZE[0]), rng.randrange(120, 560), rng.randrange(30, 160)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(20, 120) for _ in range(3)))
    name = rng.choice(FONTS)
    said = title.upper() if rng.random() < 0.6 else title
    _write(draw, "   ".join(people[:2]), name, 26, 50)
    y = _write(draw, said, name, 84, rng.choice((120, 480)))
    _write(draw, rng.choice(TAGLINES), name, 24, y + 12)
    _write(draw, "A picture by the northern company. All rights reserved.", name, 16, 850)
    return sheet


def _write(draw: ImageDraw.ImageDraw, text: str, name: str, size: int, y: int) -> int:
    """Centred lines of a text as large as fits, at most ``size`` pixels; returns where they end."""
    words = text.split()
    font = _font(name, size)
    while size > 12 and max(font.getlength(word) for word in words or [""]) > SIZE[0] - 2 * MARGIN:
        size -= 4
        font = _font(name, size)
    line = ""
    for word in [*words, None]:
        longer = f"{line} {word}".strip() if word else ""
        if line and (word is None or font.getlength(longer) > SIZE[0] - 2 * MARGIN):
            draw.text((SIZE[0] / 2, y), line, font=font, fill=(240, 232, 200), anchor="ma")
            y, longer = y + round(size * 1.15), word or ""
        line = longer
    return y


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(name, size)
    except OSError:  # not on this system: Pillow brings one
        return ImageFont.load_default(size)


def turned(image: Image.Image, rng: random.Random, degrees: int) -> Image.Image:
    return image.rotate(degrees, expand=True)


def tilted(image: Image.Image, rng: random.Random) -> Image.Image:
    return image.rotate(rng.choice((-1, 1)) * rng.uniform(4, 9), expand=True, fillcolor=(150, 140, 130))


def small(image: Image.Image, rng: random.Random) -> Image.Image:
    return image.resize((180, 270), Image.Resampling.BILINEAR)


def noisy(image: Image.Image, rng: random.Random) -> Image.Image:
    """Blurred, as by a shaking hand, with the grain of a phone at night."""
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(1.6)), dtype=np.float32)
    grain = np.random.default_rng(rng.randrange(2**32)).normal(0, 28, blurred.shape)
    return Image.fromarray(np.clip(blurred + grain, 0, 255).astype(np.uint8))


def all_of_it(image: Image.Image, rng: random.Random) -> Image.Image:
    return noisy(turned(tilted(image.resize((400, 600)), rng), rng, 90), rng)


WAYS: Mapping[str, Callable[[Image.Image, random.Random], Image.Image]] = {
    "as it is": lambda image, rng: image,
    "turned by 90°": partial(turned, degrees=90),
    "turned by 180°": partial(turned, degrees=180),
    "turned by 270°": partial(turned, degrees=270),
    "tilted by 4° to 9°": tilted,
    "small, 180 × 270 pixels": small,
    "noisy and blurred": noisy,
    "tilted, turned, small and noisy": all_of_it,
}


def jpeg(image: Image.Image, quality: int = 80) -> bytes:
    """The file."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()
