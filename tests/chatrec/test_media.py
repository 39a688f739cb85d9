"""One way in for files of any kind."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageFont
from recordings import encoded, silence
from small_films import films

from chatrec.errors import BadInput, UnknownCatalog
from chatrec.media import Heard, Media, Seen
from chatrec.settings import Settings


@pytest.fixture(scope="module")
def media() -> Media:
    return Media(Settings.read(), {"films": films()})


def poster(title: str) -> bytes:
    image = Image.new("RGB", (600, 300), "black")
    ImageDraw.Draw(image).text((60, 90), title, fill="white", font=ImageFont.load_default(80))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_content_tells_recordings_from_pictures(media):
    assert media.understand(encoded(silence(1), "OGG/Opus")) == Heard("", "en", 0.0, 1.0)
    seen = media.understand(poster("SOLARIS"))
    assert isinstance(seen, Seen)
    assert seen.text_found == ("SOLARIS",)
    assert [match.heading for match in seen.matches] == ["Solaris (1972)"]


@pytest.mark.parametrize(("data", "told"), [(b"", "empty"), (b"MZ\x90\0", "neither"), (b"%PDF-1.7", "neither")])
def test_anything_else_is_refused_with_what_to_send(media, data, told):
    with pytest.raises(BadInput, match=told):
        media.understand(data)


def test_a_catalogue_that_is_not_there_is_named(media):
    with pytest.raises(UnknownCatalog, match="films"):
        media.look(poster("SOLARIS"), "books")
