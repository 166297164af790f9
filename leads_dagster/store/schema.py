"""Bringing a database to the newest schema, once, whoever comes first.

What belongs here: the check and the upgrade. The steps themselves are Alembic's, in `migrations/versions`.
Alembic takes a second to import, so it is asked only when the stamp in the database is not the newest.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from leads_dagster.errors import StoreError
from leads_dagster.store.engine import writing
from leads_dagster.store.failures import typed_errors

# The newest migration; a test holds that it is Alembic's head.
HEAD = "0013"
_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 7_242_001  # any number of our own; PostgreSQL's lock for "one upgrade at a time"


def ensure_schema(engine: Engine) -> None:
    """Make or upgrade the schema; processes that come at the same moment wait for the first.

    Raises:
        StoreError: the database was made by a newer version of this package, or the upgrade failed.
    """
    if _stamp(engine) == HEAD:
        return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        if _stamped(connection) != HEAD:
            _upgrade(connection)


def _stamp(engine: Engine) -> str | None:
    with typed_errors(), engine.connect() as connection:
        return _stamped(connection)


def _stamped(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        with typed_errors():
            command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            "The lead database was made by a newer version of leads_dagster.", advice="Upgrade the package."
        ) from error
