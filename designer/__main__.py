"""``python -m designer``: check what designers edit, and draw the page. Exit code 2 when something is wrong."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from chatrec.languages import Language
from chatrec.settings import Settings
from components.speech import read_speech
from designer.catalogs import Folder, check_catalog, check_language, read_catalogs, read_languages
from designer.dialogue import Dialogue, check_dialogue, read_flows
from designer.files import Problem, Source, read_source
from designer.nlu import Example, check_examples, read_examples
from designer.page import draw


@dataclass(frozen=True)
class Work:
    """All that designers edit, as far as it can be read, and what is wrong with it."""

    dialogue: Dialogue
    examples: tuple[Example, ...]
    folders: tuple[Folder, ...]
    languages: tuple[Language, ...]
    problems: tuple[Problem, ...]


def read(settings: Settings) -> Work:
    """Read and check everything under the project's root. What can't be read is put right first: as long as a file is
    broken, nothing is said about what others miss of it."""
    found: list[Problem] = []

    def good(things):
        things = list(things)
        found.extend(thing for thing in things if isinstance(thing, Problem))
        return tuple(thing for thing in things if not isinstance(thing, Problem))

    folders, languages = good(read_catalogs(settings.catalogs)), good(read_languages(settings.languages))
    domain = read_source(settings.root / "domain.yml")
    sources = [read_source(path) for path in sorted((settings.root / "data").rglob("*.yml"))]
    found += [problem for source in (domain, *sources) for problem in source.problems]
    catalogs = {folder.catalog.schema.name: folder.catalog for folder in folders}
    slots = {slot for catalog in catalogs.values() for slot in catalog.schema.slots}
    speech = read_speech(
        [path.name for path in sorted(settings.catalogs.iterdir()) if path.is_dir()],
        [path.stem for path in sorted(settings.languages.glob("*.toml"))],
        slot=slots,
        intent=_intents(domain),
    )
    dialogue = Dialogue(domain, tuple(flow for source in sources for flow in read_flows(source)), speech)
    examples = good(example for source in sources for example in read_examples(source))
    readable = len(folders) == len(list(settings.catalogs.glob("*/schema.toml")))
    if readable and not any(source.problems for source in (domain, *sources)):
        entities = {str(e) for e in domain.data.get("entities") or ()} | slots
        found += [*check_dialogue(dialogue), *check_examples(dialogue, examples, entities, sources)]
    if readable:
        found += [problem for folder in folders for problem in check_catalog(folder, catalogs)]
        for language in languages:
            path = settings.languages / f"{language.code}.toml"
            found += check_language(language, path, catalogs.values())
    return Work(dialogue, examples, folders, languages, tuple(sorted(set(found))))


def _intents(domain: Source) -> list[str]:
    return [str(next(iter(i)) if isinstance(i, dict) else i) for i in domain.data.get("intents") or []]


def main(arguments: list[str] | None = None) -> int:
    settings = Settings.read()
    parser = argparse.ArgumentParser("designer", description="Checks domain.yml and data/, and draws the page.")
    parser.add_argument("--page", type=Path, default=settings.var / "designer.html", help="where the page goes")
    page = parser.parse_args(arguments).page
    work = read(settings)
    for problem in work.problems:
        print(problem.shown(settings.root))
    if work.dialogue.domain.data and work.folders:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(draw(work, settings.root), encoding="utf-8")
        print(f"{'' if work.problems else summary(work) + ' '}The page: {page}")
    return 2 if work.problems else 0


def summary(work: Work) -> str:
    dialogue = work.dialogue
    return (
        f"All is well: {len(dialogue.intents)} intents with {len(work.examples)} examples, "
        f"{len(dialogue.rules)} rules, {len(dialogue.flows) - len(dialogue.rules)} stories, "
        f"{len(dialogue.responses)} responses, "
        f"{len(work.folders)} catalogues, {len(work.languages) + 1} languages."
    )


if __name__ == "__main__":
    sys.exit(main())
