"""Everything that can go wrong on purpose.

    ChatRecError
    ├── BadInput            a file, argument or value somebody gave us; exit code 2
    │   ├── UnknownCatalog  no catalogue of that name
    │   └── UnknownItem     no item of that id in the catalogue
    ├── StoreDown           the database can't be reached or refuses to answer
    ├── ModelMissing        weights that the settings name are not there
    └── ModelDown           the ranker's server can't be reached or refuses to answer

Messages are one line and say what to do; for files they start with ``file:line:``.
"""


class ChatRecError(Exception):
    """Base of every failure the engine raises on purpose."""


class BadInput(ChatRecError):
    """Input that can't be used. Nothing was changed."""


class UnknownCatalog(BadInput):
    """No catalogue of that name."""


class UnknownItem(BadInput):
    """No item of that id in the catalogue."""


class StoreDown(ChatRecError):
    """The database can't be reached or refuses to answer."""


class ModelMissing(ChatRecError):
    """Weights that the settings name are not there."""


class ModelDown(ChatRecError):
    """The ranker's server can't be reached or refuses to answer."""
