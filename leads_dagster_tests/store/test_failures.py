"""What drivers say when they fail: worth another try or not, and never with anybody's data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, column, insert, table, text

from leads_dagster.errors import SettingsError, StoreBusyError, StoreError
from leads_dagster.store.engine import (
    open_async_engine,
    open_engine,
    read_url,
    reading,
    writing,
)
from leads_dagster.store.tables import counters


def test_errors_never_carry_the_values_of_a_statement(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(counters.insert(), {"name": "jane@acme.example", "value": 1})
    with pytest.raises(StoreError) as caught, writing(engine) as connection:
        connection.execute(counters.insert(), {"name": "jane@acme.example", "value": 2})
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://jane:hunter2@host:port/x", "nosuch+dialect://jane:hunter2@host/x", "jane:hunter2@host"]
)
@pytest.mark.parametrize("opened", [open_engine, open_async_engine])
def test_no_message_holds_a_password(url: str, opened: Callable[[str], object]) -> None:
    with pytest.raises(SettingsError) as refused:
        opened(url)
    assert "hunter2" not in str(refused.value)


def test_a_server_that_is_not_there_is_a_transient_error_without_the_password() -> None:
    engine = open_engine("postgresql://jane:hunter2@127.0.0.1:1/leads")
    with pytest.raises(StoreBusyError, match=r"cannot be reached.*refused") as refused, reading(engine):
        pass
    assert "hunter2" not in str(refused.value)
    assert "LEADS_DATABASE_URL" in refused.value.advice


def test_a_value_that_the_driver_cannot_take_is_refused_with_its_field(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE odd (name TEXT, value TEXT)"))
    odd = table("odd", column("name"), column("value"))
    with pytest.raises(StoreError, match="field value") as refused, writing(engine) as connection:
        connection.execute(insert(odd), {"name": "jane@acme.example", "value": object()})
    assert refused.value.context["field"] == "value"
    assert "jane" not in str(refused.value)


def test_a_database_that_is_not_on_the_server_is_a_fault_for_good(postgres_url: str) -> None:
    missing = read_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match=r"does not exist.*LEADS_DATABASE_URL"), reading(open_engine(missing)):
        pass


def test_a_server_that_takes_no_writes_says_what_to_do(postgres_engine: Engine) -> None:
    with writing(postgres_engine) as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    postgres_engine.dispose()
    with pytest.raises(StoreError, match="name the primary"), writing(postgres_engine) as connection:
        connection.execute(insert(counters).values(name="x", value=1))


@pytest.mark.parametrize(
    ("state", "transient"),
    [
        ("40001", True), ("40P01", True), ("55P03", True), ("57P01", True), ("57P02", True), ("57P03", True),
        ("08006", True), ("53300", True), ("57014", True), ("57P04", False), ("42P01", False), ("53100", False),
    ],
)  # fmt: skip
def test_postgresql_is_judged_by_its_states_not_its_words(postgres_engine: Engine, state: str, transient: bool) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'something' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(StoreBusyError if transient else StoreError), writing(postgres_engine) as connection:
        connection.execute(text(raised))
