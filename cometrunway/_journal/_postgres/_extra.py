"""The modules that need psycopg, which an extra brings: imported when the first is used."""

from importlib import import_module
from types import ModuleType

from cometrunway._journal._place import PostgresUrl
from cometrunway.errors import JournalError


def module(name: str, url: PostgresUrl) -> ModuleType:
    """Return a module beside this one; `JournalError` if the extra is missing."""
    try:
        return import_module(f"cometrunway._journal._postgres.{name}")
    except ModuleNotFoundError as error:
        raise JournalError(
            f"the journal {url} needs an extra: pip install 'cometrunway[postgres]' (there is no {error.name})"
        ) from error
