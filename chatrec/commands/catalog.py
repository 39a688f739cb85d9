"""``chatrec catalog``: build the films, import a catalogue of one's own, list what is there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chatrec.commands.output import as_json, console
from chatrec.errors import BadInput, ModelMissing
from chatrec.settings import Settings

FILMS = "movies"


def add(commands: Any) -> None:
    command = commands.add_parser("catalog", help="build, import or list catalogues", allow_abbrev=False)
    actions = command.add_subparsers(metavar="ACTION", required=True)
    build = actions.add_parser("build", help="make the films that ship, from the packaged Wikidata tables")
    build.set_defaults(run=run_build)
    add_import(actions)
    listing = actions.add_parser("list", help="the catalogues and how many items they have")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=run_list)


def add_import(actions: Any) -> None:
    command = actions.add_parser(
        "import",
        help="check a CSV file and make it a catalogue",
        description="Check every row of a CSV file and make it a catalogue: all of it, or nothing when a row is bad.",
    )
    command.add_argument("name", metavar="NAME", help="what the catalogue is called")
    command.add_argument("file", type=Path, metavar="FILE.csv", help="one item a row; | between values")
    command.add_argument(
        "--schema",
        type=Path,
        metavar="FILE.toml",
        help="what the columns mean (default: the schema of the catalogue that it replaces)",
    )
    command.set_defaults(run=run_import)


def run_build(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.films import build_films

    try:
        from bokeh_sampledata.movies_data import movie_path
    except ImportError:
        raise ModelMissing(
            "the films' source, the package bokeh-sampledata, is not installed: run `make setup`"
        ) from None
    n = build_films(Path(movie_path), settings.catalogs / FILMS)
    console().print(f"{FILMS}: {n} films")


def run_import(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.catalog import import_catalog

    schema = args.schema or settings.catalogs / args.name / "schema.toml"
    if not schema.exists():
        where = "no such file" if args.schema else f"{args.name} is new, so name its schema with --schema FILE.toml"
        raise BadInput(f"{schema}: {where}")
    catalog = import_catalog(args.name, args.file, schema, settings.catalogs)
    console().print(f"{args.name}: {len(catalog.items)} {catalog.schema.plural}", soft_wrap=True)


def run_list(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.catalog import load_catalogs

    found = load_catalogs(settings.catalogs)
    if args.json:
        as_json([{"name": name, "items": len(c.items), "version": c.version} for name, c in found.items()])
        return
    for name, catalog in found.items():
        console().print(f"{name}: {len(catalog.items)} {catalog.schema.plural}, version {catalog.version}")
