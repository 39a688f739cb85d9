"""Four in five posters are found, however the picture was taken, and three in five of the packs on phone pictures."""

from __future__ import annotations

import json

import pytest

from benchmarks.pictures import groceries, of_photos, of_posters
from chatrec.catalog import load_catalogs
from chatrec.pictures import load_reader
from chatrec.settings import Settings


@pytest.mark.slow
def test_four_in_five_posters_are_found():
    settings = Settings.read()
    rows = of_posters(load_catalogs(settings.catalogs)["movies"], load_reader(settings), each=4)
    assert len(rows) == 8, "ways of taking a picture"
    assert sum(float(row["found"]) for row in rows) / len(rows) >= 0.8


@pytest.mark.slow
def test_three_in_five_packs_are_found_and_loose_fruit_is_left_alone():
    settings = Settings.read()
    folder = settings.data / "product-photos"
    if not (folder / "products.json").exists():
        pytest.skip(f"the photos are not there: {folder}")
    products = json.loads((folder / "products.json").read_text(encoding="utf-8"))
    films = load_catalogs(settings.catalogs)["movies"]
    rows = of_photos(products, folder, load_reader(settings), films)["photos"]
    packs, loose = ([row["right"] for row in rows if row["packed"] is packed] for packed in (True, False))
    assert len(packs) + len(loose) == 40
    assert sum(packs) / len(packs) >= 0.6
    assert sum(loose) / len(loose) >= 0.9, "one slip at most"
    assert sum(bool(row["film told"]) for row in rows) <= 2


def test_the_brand_of_a_product_is_what_shop_and_name_agree_on():
    milk = {"name": "Arla-Sour-Milk", "coarse": "Sour-Milk", "category": "Packages"}
    shop = {"information": "Title: Filmjölk 3%\nManufacturer and volume: ARLA KO , 1kg\n"}
    assert groceries([milk | shop]).item("Arla-Sour-Milk").attributes["brand"] == "ARLA"
