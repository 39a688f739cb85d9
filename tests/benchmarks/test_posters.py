"""Four in five posters are found, however the picture was taken."""

from __future__ import annotations

import pytest

from benchmarks.pictures import groceries, of_posters
from chatrec.catalog import load_catalogs
from chatrec.pictures import load_reader
from chatrec.settings import Settings


@pytest.mark.slow
def test_four_in_five_posters_are_found():
    settings = Settings.read()
    rows = of_posters(load_catalogs(settings.catalogs)["movies"], load_reader(settings), each=4)
    assert len(rows) == 8, "ways of taking a picture"
    assert sum(float(row["found"]) for row in rows) / len(rows) >= 0.8


def test_the_brand_of_a_product_is_what_shop_and_name_agree_on():
    milk = {"name": "Arla-Sour-Milk", "coarse": "Sour-Milk", "category": "Packages"}
    shop = {"information": "Title: Filmjölk 3%\nManufacturer and volume: ARLA KO , 1kg\n"}
    assert groceries([milk | shop]).item("Arla-Sour-Milk").attributes["brand"] == "ARLA"
