"""Pictures: read however they are held, refused before they do harm, and nothing but their pixels looked at."""

from __future__ import annotations

import io
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from chatrec import pictures
from chatrec.errors import BadInput
from chatrec.pictures import Line, Reader, decode


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def sheet(*texts: str) -> Image.Image:
    """Large dark letters on a light ground, a text below the other."""
    image = Image.new("RGB", (600, 400), (230, 225, 210))
    for i, text in enumerate(texts):
        ImageDraw.Draw(image).text((50, 60 + 110 * i), text, fill=(20, 20, 60), font=ImageFont.load_default(70))
    return image


def file(image: Image.Image, form: str = "PNG", **options) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def texts(lines: tuple[Line, ...]) -> list[str]:
    return [line.text.lower() for line in lines]


def vast(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says how large it would be."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_each_format_becomes_pixels(form):
    pixels = decode(file(Image.new("RGB", (800, 600), (200, 10, 10)), form))
    assert pixels.shape == (600, 800, 3)
    assert pixels.dtype == np.uint8
    assert abs(pixels.reshape(-1, 3).mean(0) - (200, 10, 10)).max() < 4


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"RIFF\0\0\0\0WAVE", "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "no picture"),
        (b"\xff\xd8\xff\xe0 and no more", "damaged"),
        (file(sheet("SOLARIS"))[:2000], "damaged"),
        (vast(30_000, 30_000), "more than 50 million pixels"),
        (vast(9_000, 9_000), "more than 50 million pixels"),
        (b"\xff\xd8\xff" + b"\0" * pictures.MAX_BYTES, "more than 12 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_what_cannot_be_looked_at_is_refused_in_one_line(data, told):
    with pytest.raises(BadInput, match=told) as refused:
        decode(data)
    assert "\n" not in str(refused.value)


def test_a_picture_is_turned_as_its_camera_was_held_and_loses_where_it_was_taken():
    """Orientation 6: the camera lay on its right side. What comes out is an array, which can hold no place."""
    image = Image.new("RGB", (800, 400), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 100, 100), fill="black")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera of mine"
    pixels = decode(file(image, exif=exif))
    assert pixels.shape[:2] == (800, 400)
    assert pixels[10, -10].max() == 0, "what was top left is top right"
    assert type(pixels) is np.ndarray


def test_transparent_parts_are_white():
    assert decode(file(Image.new("RGBA", (800, 800), (0, 0, 0, 0)))).min() == 255


def test_large_pictures_are_reduced_and_small_ones_enlarged():
    assert decode(file(Image.new("RGB", (4000, 3000)), "JPEG")).shape == (1200, 1600, 3)
    assert decode(file(Image.new("RGB", (300, 200)))).shape == (400, 600, 3)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 6])
def test_lines_are_read_however_the_picture_was_held(reader, degrees):
    turned = sheet("SOLARIS", "BLADE").rotate(degrees, expand=True, fillcolor=(230, 225, 210))
    assert sorted(texts(reader.read(decode(file(turned))))) == ["blade", "solaris"]


def test_heights_tell_large_letters_from_small_ones(reader):
    image = sheet("SOLARIS")
    ImageDraw.Draw(image).text((50, 250), "in cinemas now", fill=(20, 20, 60), font=ImageFont.load_default(28))
    large, small = reader.read(decode(file(image)))
    assert large.height > 1.5 * small.height


def test_nothing_is_read_where_nothing_is_written(reader):
    assert reader.read(decode(file(Image.new("RGB", (300, 300), "green")))) == ()


def test_several_threads_read_what_one_reads(reader):
    """Of pictures of different sizes, since the reader keeps the size of the last one."""
    shots = [decode(file(sheet("SOLARIS").resize(size))) for size in ((600, 400), (1200, 800), (300, 200), (900, 600))]
    alone = [reader.read(shot) for shot in shots]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(reader.read, shots)) == alone
