"""What tests share: the films catalogue, and one running stack (action server + Rasa) for all that talk to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stacks import Stack, running

from chatrec.catalog import Catalog, load_catalog, load_catalogs
from chatrec.settings import Settings


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings.read({})


@pytest.fixture(scope="session")
def catalogs(settings) -> dict[str, Catalog]:
    """All catalogues that ship."""
    return load_catalogs(settings.catalogs)


@pytest.fixture(scope="session")
def movies(settings) -> Catalog:
    """The films catalogue that ships."""
    return load_catalog(settings.catalogs / "movies")


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Iterator[Stack]:
    """The stack that all conversations share, each as another user."""
    with running(tmp_path_factory.mktemp("stack")) as started:
        yield started
