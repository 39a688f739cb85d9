"""Recordings: what is taken, what is refused before any work, and that what is heard leads somewhere."""

from __future__ import annotations

import asyncio
import io
import time
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest
from recordings import FORMATS, RATE, encoded, silence, spoken, wav
from small_films import films

from chatrec import speech
from chatrec.errors import BadInput, ModelMissing
from chatrec.settings import Settings
from chatrec.speech import Heard, Recognizer, container, decode, load_recognizer, prompt

WISH = "I would like a romantic comedy with Julia Roberts"


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return load_recognizer(Settings.read(), {"movies": films()})


@pytest.fixture(scope="module")
def wish() -> bytes:
    return spoken(WISH)


def tone(seconds: float) -> np.ndarray:
    return (9000 * np.sin(np.arange(round(seconds * RATE)) * 440 * 2 * np.pi / RATE)).astype(np.int16)


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_told_by_content_and_decoded_to_what_was_recorded(form):
    data = encoded(tone(2), form)
    assert container(data)
    samples = decode(data)
    assert samples.dtype == np.float32
    assert len(samples) / RATE == pytest.approx(2, abs=0.1)
    strongest = np.abs(np.fft.rfft(samples[:RATE])).argmax()
    assert strongest == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"#EXTM3U\nhttp://127.0.0.1/secret.wav\n", "no audio"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no audio"),
        (b"\xff\xd8\xff\xe0 a picture", "no audio"),
        (b"RIFF\x00\x00\x00\x00WAVEnonsense", "damaged"),
        (b"OggS" + b"\0" * 500, "damaged"),
        (b"ID3" + b"\xff" * 500, "damaged"),
        (wav(silence(0)), "empty"),
        (encoded(silence(61)), "too long"),
        (encoded(silence(61), "OGG/Opus"), "too long"),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * speech.MAX_BYTES, "more than 12 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_what_cannot_be_heard_is_refused_in_one_line(data, told):
    with pytest.raises(BadInput, match=told) as refused:
        decode(data)
    assert "\n" not in str(refused.value)


def test_a_recording_that_does_not_say_how_long_it_is_is_cut_off_all_the_same():
    """Browsers record so: the header comes before anybody knows the length."""
    live = encoded(silence(61), "WebM", live="1")
    with av.open(io.BytesIO(live)) as source:
        assert not source.duration
    with pytest.raises(BadInput, match="too long"):
        decode(live)


def test_a_recording_that_breaks_off_is_heard_up_to_there():
    data = encoded(tone(4), "OGG/Opus")
    assert 0.5 < len(decode(data[: len(data) // 2])) / RATE < 4


def test_silence_is_no_words_and_unsure(recognizer):
    heard = recognizer.hear(encoded(silence(3)))
    assert (heard.text, heard.confidence, heard.sure) == ("", 0.0, False)
    assert heard.seconds == 3.0


def test_a_low_confidence_is_not_sure():
    assert Heard("a film", "en", 0.9, 1.0).sure
    assert not Heard("a film", "en", 0.3, 1.0).sure


def test_speech_under_noise_is_less_certain_than_clear_speech(recognizer, wish):
    clear = decode(wish)
    noise = np.random.default_rng(3).normal(0, 0.25, len(clear))
    noisy = np.clip((clear + noise) * 32767, -32768, 32767).astype(np.int16)
    assert recognizer.hear(wish).sure
    assert recognizer.hear(encoded(noisy)).confidence < recognizer.hear(wish).confidence - 0.1


def test_a_phones_formats_say_the_same(recognizer, wish):
    samples = (decode(wish) * 32767).astype(np.int16)
    for form in ("OGG/Opus", "MP3", "M4A"):
        heard = recognizer.hear(encoded(samples, form))
        assert "romantic comedy" in heard.text.lower(), form
        assert heard.language == "en"


def test_several_threads_hear_what_one_hears(recognizer, wish):
    recordings = [wish, encoded(silence(2)), spoken("something like Blade Runner"), wish]
    alone = [recognizer.hear(data) for data in recordings]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(recognizer.hear, recordings)) == alone


@pytest.mark.slow
@pytest.mark.alone
async def test_a_long_message_delays_nobody_else(recognizer, wish):
    """While half a minute of speech is decoded in a thread, the event loop goes on."""
    samples = (decode(wish) * 32767).astype(np.int16)
    long = encoded(np.tile(samples, 9)[: 30 * RATE])
    task = asyncio.ensure_future(asyncio.to_thread(recognizer.hear, long))
    late = 0.0
    while not task.done():
        start = time.perf_counter()
        await asyncio.sleep(0.01)
        late = max(late, time.perf_counter() - start - 0.01)
    assert task.result().seconds == pytest.approx(30, abs=0.1)
    assert late < 0.3


def test_the_prompt_speaks_of_the_catalogue_in_sentences():
    said = prompt([films()])
    assert "I would like a film" in said
    assert "Alien" in said, "the best known title"


def test_a_missing_model_names_the_setting(tmp_path):
    with pytest.raises(ModelMissing, match="CHATREC_SPEECH"):
        load_recognizer(Settings(speech=str(tmp_path / "nothing")), {})


@pytest.mark.slow
def test_a_spoken_wish_leads_to_the_right_list(tmp_path):
    """From the sound of a voice to films that are what it asked for, by the engine's own way in."""
    from dataclasses import replace

    from chatrec.bootstrap import build

    engine = build(replace(Settings.read(), db=f"sqlite:///{tmp_path / 'store.db'}"))
    recognizer = load_recognizer(engine.settings, engine.catalogs)
    heard = recognizer.hear(spoken("I would like a western with Clint Eastwood"))
    assert heard.sure
    listed = engine.ask("movies", heard.text).items
    assert len(listed) == 5
    for line in listed:
        assert "Western" in line.item.attributes["genres"]
        people = (*line.item.attributes["cast"], *line.item.attributes["directors"])
        assert "Clint Eastwood" in people
