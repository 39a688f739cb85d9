"""The public sets as the films catalogue names them: ``python -m benchmarks.joined [--out DIR]``.

Writes ``ratings.csv`` (MovieLens, ml-latest-small), item ids replaced by IMDb ids; ``dialogues.jsonl`` (ReDial's
fit dialogues), the same and what the catalogue lacks left out; and ``redial-fit.jsonl`` and ``redial-held.jsonl``,
ReDial's fit dialogues under their own ids, a fifth of the dialogues apart. The shipped ranker is trained without that
fifth.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.dialogues import HELD_OUT
from chatrec.catalog import Catalog, load_catalogs
from chatrec.learning import fold_of
from chatrec.settings import Settings


def ratings(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of MovieLens' ratings.csv. Films that the catalogue lacks tell about people too."""
    with (folder / "links.csv").open(encoding="utf-8") as file:
        names = {row["movieId"]: f"tt{row['imdbId'].zfill(7)}" for row in csv.DictReader(file)}
    with (folder / "ratings.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["movieId"] in names:
                yield {**row, "movieId": names[row["movieId"]]}


def dialogues(folder: Path, catalog: Catalog) -> Iterator[Mapping]:
    """ReDial's fit cases with a target that the catalogue has."""
    known = {item.item_id for item in catalog.items}
    with (folder / "catalog.csv").open(encoding="utf-8") as file:
        names = {row["item_id"]: row["imdb_id"] for row in csv.DictReader(file) if row["imdb_id"] in known}
    for case in cases(folder):
        ids = {key: [names[i] for i in case[key] if i in names] for key in ("mentioned", "targets")}
        if ids["targets"] and not held_out(case):
            yield {**case, **ids}


def cases(folder: Path) -> Iterator[Mapping]:
    """ReDial's fit cases."""
    return map(json.loads, (folder / "fit.jsonl").read_text(encoding="utf-8").splitlines())


def held_out(case: Mapping) -> bool:
    """Whether the case is of the fifth of the dialogues that nothing is learned from."""
    return fold_of(case["case_id"], HELD_OUT) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    settings = Settings.read()
    parser.add_argument("--out", type=Path, default=settings.var / "joined", metavar="DIR")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    catalog = load_catalogs(settings.catalogs)["movies"]
    with (out / "ratings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["userId", "movieId", "rating", "timestamp"])
        writer.writeheader()
        writer.writerows(ratings(settings.data / "ml-latest-small"))
    redial = settings.data / "redial"
    _write(out / "dialogues.jsonl", dialogues(redial, catalog))
    _write(out / "redial-fit.jsonl", (case for case in cases(redial) if not held_out(case)))
    _write(out / "redial-held.jsonl", (case for case in cases(redial) if held_out(case)))
    for path in sorted(out.iterdir()):
        print(f"{path}: {sum(1 for _ in path.open(encoding='utf-8'))} lines")


def _write(path: Path, found: Iterable[Mapping]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(case) + "\n" for case in found)


if __name__ == "__main__":
    main()
