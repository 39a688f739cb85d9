"""What is recognised of pictures: posters of our own making, and phone photos of groceries.

Posters: films drawn at random among the better-known half of the catalogue, each in eight ways. Found: the film is the
first match. With those films taken out of the catalogue, nothing should be told. Photos: the 40 of
``product-photos/natural``, with a catalogue made of ``products.json`` itself. Found: the product, or another of its
brand, is among the first five. Of loose fruit and vegetables nothing should be told, and no film of any photo.
"""

from __future__ import annotations

import csv
import json
import random
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from benchmarks import Figures, run, spread
from benchmarks.posters import WAYS, jpeg, poster
from chatrec.catalog import Catalog, load_catalog, load_catalogs
from chatrec.errors import BadInput
from chatrec.pictures import Reader, decode, load_reader
from chatrec.printed import Match, Printed
from chatrec.settings import Settings

POSTERS = 25
SEED = 5
GROCERIES = """
name = "groceries"
noun = "product"
plural = "products"
[columns]
id = "item_id"
title = "title"
[slots.kind]
type = "tags"
columns = ["kind"]
[slots.brand]
type = "text"
columns = ["brand"]
printed = true
[slots.name]
type = "text"
columns = ["name"]
printed = true
"""


def of_posters(films: Catalog, reader: Reader, each: int = POSTERS) -> list[Figures]:
    """One row for each way of taking the picture."""
    rng, printed = random.Random(SEED), Printed(films)
    known = [item for i, item in enumerate(films.items) if films.popularity[i] >= 0.5]
    chosen = rng.sample(known, each)
    others = Printed(Catalog(films.schema, tuple(item for item in films.items if item not in chosen)))
    sheets = [(item, poster(item.title, item.attributes.get("cast", ()), rng)) for item in chosen]
    rows = []
    for way, taken in WAYS.items():
        found, wrong, seconds = 0, 0, []
        for item, sheet in sheets:
            start = time.perf_counter()
            lines = reader.read(decode(jpeg(taken(sheet, rng))))
            matches = printed.match(lines)
            seconds.append(time.perf_counter() - start)
            found += bool(matches) and matches[0].heading == films.heading(item)
            wrong += bool(others.match(lines))
        told = {"found": f"{found / each:.2f}", "another told when unknown": f"{wrong / each:.2f}"}
        rows.append({"way": way, "posters": each, **told, "p50 s": spread(seconds)["p50"]})
    return rows


def groceries(products: Sequence[Mapping[str, Any]]) -> Catalog:
    """The products as a catalogue: the title is the class's name; brand and the name on the pack come from the shop."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "schema.toml").write_text(GROCERIES, encoding="utf-8")
        with (folder / "items.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["item_id", "title", "kind", "brand", "name"])
            for product in products:
                packed = product["category"] == "Packages"
                brand = _brand(product) if packed else ""
                name = _said("Title", product) if packed else ""
                title = product["name"].replace("-", " ")
                rows.writerow([product["name"], title, product["coarse"].replace("-", " "), brand, name])
        return load_catalog(folder)


def _brand(product: Mapping[str, Any]) -> str:
    """What the shop ("ARLA KO") and the name of the class ("Arla-Sour-Milk") agree on."""
    shop = _said("Manufacturer and volume", product).split(",")[0].split()
    pairs = zip(shop, product["name"].split("-"), strict=False)
    return " ".join(word for word, _ in takewhile(lambda pair: pair[0].lower() == pair[1].lower(), pairs))


def _said(key: str, product: Mapping[str, Any]) -> str:
    found = re.search(rf"^{key}: *(.*)$", product["information"], re.MULTILINE)
    return found[1].strip() if found else ""


def of_photos(products: Sequence[Mapping[str, Any]], folder: Path, reader: Reader, films: Catalog) -> Figures:
    """Shares of packs found and of loose goods about which nothing is told, and what was read."""
    catalog = groceries(products)
    printed, others, rows = Printed(catalog), Printed(films), []
    for product in products:
        lines = reader.read(decode((folder / product["natural_image"]).read_bytes()))
        matches = printed.match(lines)
        packed = product["category"] == "Packages"
        right = _right(product["name"], matches, catalog) if packed else not matches
        told = ", ".join(match.title for match in matches[:2]) or "nothing"
        film = ", ".join(match.title for match in others.match(lines)[:1])
        rows.append({"photo": product["name"], "packed": packed, "right": right, "told": told, "film told": film})
    shares = {
        name: f"{sum(row['right'] for row in rows if row['packed'] is packed) / n:.2f} of {n}"
        for name, packed in (("packs: product or brand among five", True), ("loose: nothing told", False))
        if (n := sum(row["packed"] is packed for row in rows))
    }
    shares["photos that pass for a film"] = f"{sum(bool(row['film told']) for row in rows)} of {len(rows)}"
    return shares | {"photos": rows}


def _right(name: str, matches: Sequence[Match], catalog: Catalog) -> bool:
    brand = catalog.item(name).attributes["brand"]
    return any(brand == catalog.item(match.item_id).attributes.get("brand") for match in matches)


def measure(settings: Settings) -> Figures:
    """Figures of both. Raises: BadInput when the photos are not there."""
    folder = settings.data / "product-photos"
    if not (folder / "products.json").exists():
        raise BadInput(f"{folder}: no products.json there; CHATREC_DATA names the folder of the data sets")
    products = json.loads((folder / "products.json").read_text(encoding="utf-8"))
    reader = load_reader(settings)
    films = load_catalogs(settings.catalogs)["movies"]
    return {"posters": of_posters(films, reader), **of_photos(products, folder, reader, films)}


if __name__ == "__main__":
    run("What is recognised of pictures.", measure)
