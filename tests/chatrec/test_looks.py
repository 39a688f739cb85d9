"""Look-alikes and signals of pictures, with a CLIP model that is real but for its size and its random weights."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from small_films import encoder, films
from tiny_clip import write_clip

from chatrec.bootstrap import catalogs_of
from chatrec.candidates import CandidateGenerator
from chatrec.encoder import Encoder, _packaged, load_clip
from chatrec.errors import BadInput, ModelMissing
from chatrec.fusion import learn_fusion
from chatrec.knowledge import learn_knowledge
from chatrec.learning import SIGNALS, Asked, cross_fitted
from chatrec.looks import FEW, Looks, look_at
from chatrec.media import Media
from chatrec.pictures import decode
from chatrec.settings import Settings
from chatrec.types import Event, Query

FILMS = films()
IDS = [item.item_id for item in FILMS.items]
PICTURED = IDS[:10]
RED = PICTURED[::2]  # half of them are red with some pattern, the others blue


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "tiny-clip")


@pytest.fixture(scope="module")
def clip(weights) -> Encoder:
    return load_clip(Settings(clip=str(weights)))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """A folder with a picture for each of ``PICTURED``."""
    folder = tmp_path_factory.mktemp("pictures")
    for item_id in PICTURED:
        drawn(item_id).save(folder / f"{item_id}.png")
    return folder


@pytest.fixture(scope="module")
def looks(clip, pictures, tmp_path_factory) -> Looks:
    return look_at(IDS, pictures, clip, tmp_path_factory.mktemp("cache"))


def drawn(item_id: str, side: int = 96) -> Image.Image:
    """Large squares in shades of red or blue, a pattern of the item's own."""
    shades = np.random.default_rng(IDS.index(item_id)).integers(0, 256, (4, 4))
    tint = np.array((1.0, 0.15, 0.15) if item_id in RED else (0.15, 0.15, 1.0))
    pattern = Image.fromarray((shades[..., None] * tint).astype(np.uint8))
    return pattern.resize((side, side), Image.Resampling.NEAREST)


def jpeg(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=70)
    return file.getvalue()


def test_texts_and_pictures_come_into_one_space(clip):
    rows = [*clip.encode(["a red dress", "x " * 500]), *clip.encode([decode(jpeg(drawn("alien")))])]
    assert clip.name == "tiny-clip"
    assert np.shape(rows) == (3, clip.dimensions)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)


def test_what_is_no_clip_model_names_the_setting(tmp_path):
    for source, told in ((str(tmp_path / "gone"), "no CLIP model"), (_packaged(), "reads no pictures")):
        with pytest.raises(ModelMissing, match=f"{told}.*CHATREC_CLIP"):
            load_clip(Settings(clip=source))


def test_another_photo_of_an_item_finds_it(looks):
    """Smaller and compressed."""
    for item_id in PICTURED:
        found = looks.alike(decode(jpeg(drawn(item_id, 64))), 3)
        assert IDS[found[0][0]] == item_id
        assert all(0 < score <= 1 for _, score in found)


def test_items_without_a_picture_are_never_alike(looks):
    assert not looks.vectors[len(PICTURED) :].any()
    every = looks.alike(decode(jpeg(drawn("alien"))), len(IDS))
    assert {index for index, _ in every} <= set(range(len(PICTURED)))
    signals = looks.signals("a red one", [(0, 1.0)], np.arange(len(IDS)))
    assert not signals["pictured"][len(PICTURED) :].any() and not signals["looks"][len(PICTURED) :].any()
    assert signals["looks"].argmax() == 0


def test_a_few_pictures_are_none(clip, pictures, tmp_path):
    assert look_at(IDS[: FEW - 1], pictures, clip, tmp_path) is None
    assert look_at(IDS, tmp_path / "gone", clip, tmp_path) is None


def test_vectors_are_computed_once_and_again_when_a_picture_changes(clip, pictures, tmp_path):
    asked = []

    def encode(things):
        asked.append(len(things))
        return clip.encode(things)

    counting = SimpleNamespace(name=clip.name, dimensions=clip.dimensions, encode=encode)
    first = look_at(IDS, pictures, counting, tmp_path)
    again = look_at(IDS, pictures, counting, tmp_path)
    assert asked == [len(PICTURED)]
    np.testing.assert_array_equal(first.vectors, again.vectors)
    other = tmp_path / "other"
    other.mkdir()
    for path in pictures.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    drawn("heat").save(other / "alien.png")
    assert not np.allclose(look_at(IDS, other, counting, tmp_path).vectors[0], first.vectors[0])


def test_a_damaged_picture_is_named(clip, pictures, tmp_path):
    for path in pictures.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "heat.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(BadInput, match="heat.png: the picture is damaged"):
        look_at(IDS, tmp_path, clip, tmp_path)


def asked() -> list[Asked]:
    """People who go by the colour of the picture, which no text tells: two they liked, and the one they took."""
    found = []
    for number, group in enumerate([RED, PICTURED[1::2]] * 20):
        first, second, target = np.random.default_rng(number).permutation(group)[:3]
        liked = tuple(Event(item, "like", float(at)) for at, item in enumerate((first, second)))
        query = Query("films", history=liked, exclude=frozenset((first, second)))
        found.append(Asked(f"user {number}", query, (FILMS.index(target),)))
    return found


def place(generator: CandidateGenerator, one: Asked) -> int:
    return generator.generate(one.query, 99).indices.tolist().index(one.targets[0])


def test_what_pictures_count_is_learnt_and_pays_on_people_held_out(looks, tmp_path):
    learnt, weights = asked()[:28], {}
    for seen in (None, looks):
        catalog = films()
        catalog.looks = seen
        known = learn_knowledge().on(catalog)
        plain = CandidateGenerator(catalog, encoder(), tmp_path, known=known)
        fusion = learn_fusion(cross_fitted(learnt, lambda fold, plain=plain: plain), SIGNALS)
        served = CandidateGenerator(catalog, encoder(), tmp_path, known=known, fusion=fusion)
        weights[bool(seen)] = fusion.weights["looks"], np.mean([place(served, one) for one in asked()[28:]])
    (without, blind), (with_pictures, seeing) = weights[False], weights[True]
    assert without == 0
    assert with_pictures > 0
    assert seeing < blind


def test_until_it_is_learnt_pictures_count_nothing(looks, tmp_path):
    query, orders = asked()[0].query, []
    for seen in (None, looks):
        catalog = films()
        catalog.looks = seen
        orders.append(CandidateGenerator(catalog, encoder(), tmp_path).generate(query, 99).indices.tolist())
    assert orders[0] == orders[1]


def test_a_picture_without_text_is_compared_and_text_comes_first(looks):
    seeing = films()
    seeing.looks = looks
    seen = Media(Settings.read(), {"films": seeing}).look(jpeg(drawn("heat")))
    assert (seen.text_found, seen.looked, seen.matches[0].title) == ((), True, "Heat")
    blind = Media(Settings.read(), {"films": films()}).look(jpeg(drawn("heat")))
    assert (blind.looked, blind.matches) == (False, ())


SCHEMA = 'name = "toys"\nnoun = "toy"\nplural = "toys"\n[columns]\nid = "item_id"\ntitle = "title"\n'


def test_the_setting_and_a_folder_of_pictures_are_all_it_takes(weights, pictures, tmp_path):
    folder = tmp_path / "data" / "catalogs" / "toys"
    folder.mkdir(parents=True)
    (folder / "schema.toml").write_text(SCHEMA)
    (folder / "items.csv").write_text("item_id,title\n" + "".join(f"{item_id},Toy {item_id}\n" for item_id in IDS))
    (folder / "pictures").symlink_to(pictures)
    env = {"CHATREC_HOME": str(tmp_path)}
    assert catalogs_of(Settings.read(env))["toys"].looks is None
    seeing = catalogs_of(Settings.read(env | {"CHATREC_CLIP": str(weights)}))["toys"]
    assert seeing.looks.vectors.any(axis=1).sum() == len(PICTURED)
