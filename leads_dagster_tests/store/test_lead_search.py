"""Leads are found by words and filters, page by page, alike on both back ends; nothing that people type is syntax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from leads_dagster.errors import SettingsError
from leads_dagster.store import lead_rows, schema, search_statements
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.lead_search import Order, count, search, stream
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.search_index import rebuild_search

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ODD = [
    '"',
    "'",
    "*",
    "-",
    ") (",
    "@",
    ":*",
    "|",
    "!",
    "\\",
    "^",
    "🚀",
    "\0",
    "\ud800",
    "%",
    "¶",
    "§",
]
# Lead -> what it holds; the names are what tests speak of.
PEOPLE: dict[str, dict[str, str]] = {
    "jane": {"full_name": "Jane Doe", "company": "Acme Inc.", "email": "jane.doe@acme.com", "status": "New"},
    "mueller": {"full_name": "Jörg Müller-Lüdenscheidt", "company": "Straße & Söhne GmbH", "status": "won"},
    "obrien": {"full_name": "Sinéad O’Brien", "company": "Node.js Shop", "notes": "knows Jane; see https://beta.io/x?y=1"},
    "yamada": {"full_name": "山田太郎", "company": "株式会社トヨタ", "email": "taro@example.co.jp"},
    "tanaka": {"full_name": "田中 花子", "notes": "東京から来ました"},
    "kim": {"full_name": "김철수", "notes": "calls back on Monday AND Tuesday", "verified": "true"},
    "greek": {"full_name": "Γιώργος Παπαδόπουλος", "company": "ΑΘΗΝΑ"},
    "thai": {"full_name": "สมชาย ใจดี", "notes": "naïve café 🚀 launch"},
    "bare": {"company": 'J.R. "Bob" Ltd', "full_name": 'J.R. "Bob" Ltd', "email": "info@mail.acme.com",
             "confidence": "0.9"},
}  # fmt: skip
QUERIES: dict[str, set[str]] = {
    "jane": {"jane", "obrien"},
    "JANE DOE": {"jane"},
    "doe jane": {"jane"},
    "ja": {"jane", "obrien"},
    "jan do": set(),
    "jane do": {"jane"},
    "jane.doe@acme.com": {"jane"},
    "Jane.Doe@ACME.com": {"jane"},
    "jane.doe@ac": {"jane"},
    "acme.com": {"jane"},
    "mail.acme.com": {"bare"},
    "@acme.com": {"jane"},
    "acme": {"jane", "bare"},
    "beta.io": {"obrien"},
    "muller": {"mueller"},
    "Müller": {"mueller"},
    "mueller": {"mueller"},
    "MÜLLER-LÜD": {"mueller"},
    "lüdenscheidt jörg": {"mueller"},
    "luedenscheidt joerg": {"mueller"},
    "strasse": {"mueller"},
    "sohne straße": {"mueller"},
    "o'brien": {"obrien"},
    "OBRIEN sinead": {"obrien"},
    "node.js": {"obrien"},
    "山田": {"yamada"},
    "山田太郎": {"yamada"},
    "太郎": {"yamada"},
    "田": {"yamada", "tanaka"},
    "郎": {"yamada"},
    "トヨタ": {"yamada"},
    "ﾄﾖﾀ": {"yamada"},
    "東京": {"tanaka"},
    "京東": set(),
    "花子 田中": {"tanaka"},
    "철수": {"kim"},
    "김철수": {"kim"},
    "γιωργος": {"greek"},
    "αθηνα": {"greek"},
    "สมชาย": {"thai"},
    "cafe naive": {"thai"},
    "tuesday AND monday": {"kim"},
    "monday OR tuesday": set(),
    "monday NOT tuesday": set(),
    "j.r. bob": {"bare"},
    "bob -ltd": {"bare"},
    'bob "ltd': {"bare"},
    "ja*e": set(),
    "": set(PEOPLE),
    " \t ": set(PEOPLE),
    "🚀": set(),
    "@": set(),
    "jane @": {"jane", "obrien"},
    "nobody": set(),
}


def add(engine: Engine, people: dict[str, dict[str, str]], customer: str = "acme", start: int = 0) -> None:
    """Leads, a minute apart, in that order."""
    rows = []
    for place, (name, fields) in enumerate(people.items(), start):
        at = NOW + timedelta(minutes=place)
        row = {"id": name, "customer": customer, **lead_rows.to_columns(fields), "created_at": at, "updated_at": at}
        rows.append({**row, "version": 1, "sync_pending": True})
    with writing(engine) as connection:
        lead_rows.insert(connection, rows)


@pytest.fixture
def people(engine: Engine) -> Engine:
    """A database that holds `PEOPLE`."""
    add(engine, PEOPLE)
    return engine


def find(engine: Engine, query: object = None, customer: str = "acme", **options: Any) -> list[str]:
    """Ids of the leads found."""
    order = options.pop("order", "relevance")
    with reading(engine) as connection:
        return [lead["id"] for lead in search(connection, customer, LeadFilter.of(query, **options), order=order)]  # type: ignore[arg-type]


def change(connection: Connection, lead_id: str, values: dict[str, Any]) -> None:
    lead_rows.change_all(connection, [(lead_rows.load(connection, [lead_id])[lead_id], values)])


def test_every_query_finds_these_leads_and_no_others(people: Engine) -> None:
    assert {query: set(find(people, query)) for query in QUERIES} == QUERIES


def test_a_search_counts_what_it_finds(people: Engine) -> None:
    with reading(people) as connection:
        counted = {query: count(connection, "acme", LeadFilter.of(query)) for query in QUERIES}
    assert counted == {query: len(found) for query, found in QUERIES.items()}


@pytest.mark.parametrize("pattern", ["{} jane", "jane {}", "jane{}", "{}jane{}"])
def test_nothing_that_people_type_is_an_operator_or_an_error(people: Engine, pattern: str) -> None:
    found = {odd: set(find(people, pattern.replace("{}", odd))) for odd in ODD}
    assert found == {odd: {"jane", "obrien"} for odd in ODD}


@pytest.mark.parametrize("odd", ["AND", "OR", "NOT", "NEAR(", "&", "J\0ane", "\ud800"])
def test_what_looks_like_an_operator_is_a_word_or_nothing(people: Engine, odd: str) -> None:
    assert set(find(people, f"jane {odd} doe")) <= {"jane"}


def test_a_space_ends_the_last_word(people: Engine) -> None:
    assert (find(people, "jan"), find(people, "jan ")) == (["jane", "obrien"], [])


def test_names_and_companies_come_before_notes_and_the_newest_first(people: Engine) -> None:
    add(people, {"janet": {"full_name": "Janet"}, "note": {"full_name": "X", "notes": "jane"}}, start=50)
    assert find(people, "jane") == ["janet", "jane", "note", "obrien"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"status": "NEW"}, ["jane"]),
        ({"status": ["new", "won"]}, ["jane", "mueller"]),
        ({"status": []}, []),
        ({"company": "acme, inc"}, ["jane"]),
        ({"company": "acme"}, []),
        ({"full_name": "sinead OBrien"}, ["obrien"]),
        ({"name": "jane DOE"}, ["jane"]),
        ({"full_name": "Jane"}, []),
        ({"full_name": ["", "?"]}, []),
        ({"full_name": ["Jane Doe", "Sinéad O'Brien", "a\0b"], "status": "new"}, ["jane"]),
        ({"email": "JANE.DOE@acme.com"}, ["jane"]),
        ({"email": ["a\0b", "\ud800"]}, []),
        ({"ids": ("kim", "jane", "nobody")}, ["jane", "kim"]),
        ({"verified": True}, ["kim"]),
        ({"verified": False, "ids": ["kim", "jane"]}, ["jane"]),
        ({"confidence_at_least": 0.9}, ["bare"]),
        ({"created_since": NOW + timedelta(minutes=7)}, ["bare", "thai"]),
        ({"updated_before": NOW + timedelta(minutes=1)}, ["jane"]),
        ({"text": "jane", "status": "new"}, ["jane"]),
        ({"text": "jane", "status": "won"}, []),
        ({"sync_pending": False}, []),
    ],
)
def test_filters_narrow_what_is_found(people: Engine, given: dict[str, Any], found: list[str]) -> None:
    assert sorted(find(people, **given)) == found


def test_a_linkedin_page_is_found_however_it_is_written(engine: Engine) -> None:
    add(engine, {"jane": {"full_name": "Jane", "linkedin_url": "https://www.linkedin.com/in/janedoe"}})
    assert find(engine, linkedin_url="http://de.linkedin.com/in/JaneDoe/?trk=x") == ["jane"]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("newest", ["c", "b", "a"]),
        ("relevance", ["c", "b", "a"]),
        ("oldest", ["a", "b", "c"]),
        ("name", ["b", "a", "c"]),
        ("updated", ["a", "c", "b"]),
    ],
)
def test_leads_come_in_the_order_asked_for(engine: Engine, order: str, found: list[str]) -> None:
    add(engine, {"a": {"full_name": "Émile"}, "b": {"full_name": "anna"}, "c": {"full_name": "Zoë"}})
    with writing(engine) as connection:
        change(connection, "a", {"updated_at": NOW + timedelta(days=1)})
    assert find(engine, order=order) == found


def many(number: int) -> dict[str, dict[str, str]]:
    """Leads of whom a third are named Jo, half have it in their notes, and names repeat."""
    return {
        f"{place:05}": {
            "full_name": ("Jo" if place % 3 == 0 else "Al") + f" {place % 7}",
            "notes": "jo" if place % 2 else "x",
            "status": "even" if place % 2 == 0 else "odd",
        }
        for place in range(number)
    }


def pages(engine: Engine, query: LeadFilter, order: Order, limit: int) -> Iterator[Sequence[str]]:
    """Ids page by page."""
    after = None
    while True:
        with reading(engine) as connection:
            page = search(connection, "acme", query, limit=limit, after=after, order=order)
        yield [lead["id"] for lead in page]
        after = page.next
        if not page.has_more:
            return


@pytest.mark.parametrize("hits", [0, 5_000])
@pytest.mark.parametrize("order", get_args(Order))
def test_pages_hold_each_lead_once_in_the_order_of_one_page(
    engine: Engine, order: Order, hits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_statements, "_SORTED_HITS", hits)
    add(engine, many(60))
    for query in (LeadFilter(), LeadFilter(text="jo"), LeadFilter(text="jo", status="odd")):
        with reading(engine) as connection:
            whole = [lead["id"] for lead in search(connection, "acme", query, limit=100, order=order)]
            assert len(whole) == count(connection, "acme", query) > 10
        assert [one for page in pages(engine, query, order, 7) for one in page] == whole


@pytest.mark.parametrize("query", [LeadFilter(), LeadFilter(text="jo"), LeadFilter(text="jo", status="odd")])
def test_an_offset_leaves_out_that_many(engine: Engine, query: LeadFilter) -> None:
    add(engine, many(60))
    with reading(engine) as connection:
        whole = [lead["id"] for lead in search(connection, "acme", query, limit=100)]
        for place in range(0, len(whole) + 8, 4):
            found = [lead["id"] for lead in search(connection, "acme", query, limit=7, offset=place)]
            assert found == whole[place : place + 7]


def test_leads_that_come_while_one_pages_move_nothing(engine: Engine) -> None:
    add(engine, many(20))
    seen: list[str] = []
    for number, page in enumerate(pages(engine, LeadFilter(), "newest", 6)):
        seen += page
        add(engine, {f"later {number}": {"full_name": "Jo"}}, start=100 + number)
    assert seen == sorted(many(20), reverse=True)


def test_a_page_is_a_list_of_leads_without_inner_columns(people: Engine) -> None:
    with reading(people) as connection:
        page = search(connection, "acme", LeadFilter(text="jane doe"))
    assert (len(page), page[0]["full_name"], [*page][-1]["id"], page.next) == (1, "Jane Doe", "jane", None)
    assert not {"number", "name_key"} & page[0].keys()


@pytest.mark.parametrize("cursor", ["", "x", "====", "é", "bnVsbA", "W10", "eyJhIjogMX0"])
def test_a_cursor_of_something_else_is_refused(people: Engine, cursor: str) -> None:
    with reading(people) as connection, pytest.raises(SettingsError, match="cursor"):
        search(connection, "acme", after=cursor)


def test_a_cursor_is_good_for_its_own_search_only(people: Engine) -> None:
    with reading(people) as connection:
        cursor = search(connection, "acme", limit=1).next
        with pytest.raises(SettingsError, match="cursor"):
            search(connection, "acme", LeadFilter(text="jane"), after=cursor)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"limit": value} for value in (0, -1, 1_001, 10**30, "5", 2.5, None, True)),
        *({"offset": value} for value in (-1, 10**30, "a", 1.5, None)),
        {"order": "best"},
    ],
)
def test_a_page_that_cannot_be_is_refused(people: Engine, wrong: dict[str, Any]) -> None:
    with reading(people) as connection, pytest.raises(SettingsError, match=r"limit|offset|order"):
        search(connection, "acme", **wrong)


def test_archived_and_merged_leads_are_found_only_when_asked_for(people: Engine) -> None:
    with writing(people) as connection:
        change(connection, "jane", {"archived_at": NOW})
        change(connection, "obrien", {"archived_at": NOW, "merged_into": "kim"})
    assert find(people, "jane") == []
    assert set(find(people, "jane", include_archived=True)) == {"jane", "obrien"}


def test_a_customer_finds_no_lead_of_another(people: Engine) -> None:
    add(people, {"other": {"full_name": "Jane Other", "status": "new"}}, customer="other", start=90)
    assert find(people, "jane", "other") == ["other"]
    assert "other" not in find(people, status="new")


def test_a_changed_lead_is_found_by_what_it_says_now(people: Engine) -> None:
    with writing(people) as connection:
        change(connection, "jane", {"full_name": "Ada Byron", "status": "lost"})
    assert (find(people, "ada"), find(people, "doe byron"), find(people, status="lost")) == (
        ["jane"],
        ["jane"],
        ["jane"],
    )
    assert find(people, status="new") == []
    assert find(people, order="name")[0] == "jane"


def test_a_write_that_is_taken_back_leaves_nothing_to_find(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:  # noqa: PT012  # the insert must come first
        lead_rows.insert(
            connection, [{"id": "x", "customer": "acme", "full_name": "Gone", "created_at": NOW, "updated_at": NOW}]
        )
        raise RuntimeError
    add(engine, {"jane": PEOPLE["jane"]})
    assert (find(engine, "gone"), find(engine, "jane")) == ([], ["jane"])


def test_a_lost_index_is_made_anew_from_the_leads(people: Engine) -> None:
    before = {query: find(people, query) for query in QUERIES}
    with writing(people) as connection:
        connection.execute(text("DELETE FROM lead_search"))
        connection.execute(text("UPDATE leads SET number = NULL, name_key = NULL"))
        assert rebuild_search(connection) == len(PEOPLE)
    assert {query: find(people, query) for query in QUERIES} == before


def vacuum(engine: Engine) -> None:
    """Rewrite the database; neither back end does it within a transaction."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM FULL"))
        return
    raw = engine.raw_connection()
    raw.cursor().execute("VACUUM")
    raw.close()


def test_rewriting_the_file_leaves_the_index_where_it_was(people: Engine) -> None:
    vacuum(people)
    assert find(people, "jane") == ["jane", "obrien"]


def test_a_very_long_text_is_searchable_and_searched_for(engine: Engine) -> None:
    numbers = [str(number) for number in range(3_000)]
    notes = " ".join(["needle", *numbers, "word" * 50_000])
    add(engine, {"long": {"full_name": "Jane", "notes": notes}, "longer": {"full_name": "x" * 500_000}})
    assert find(engine, "needle") == ["long"]
    assert find(engine, "x" * 100_000) == ["longer"]
    assert find(engine, "jane " * 20_000) == ["long"]
    assert find(engine, " ".join(numbers[:500])) == ["long"]
    assert find(engine, " ".join(numbers)) == []  # of so many words, the lead is found by the first two thousand


def test_all_leads_come_oldest_first_in_batches_that_others_can_write_between(engine: Engine) -> None:
    add(engine, many(25))
    leads = stream(engine, "acme", batch=10)
    first = next(leads)["id"]
    add(engine, {"later": {"full_name": "Jo"}}, start=100)
    assert [first, *(lead["id"] for lead in leads)] == [*many(25), "later"]
    assert [lead["id"] for lead in stream(engine, "acme", LeadFilter(status="odd"), batch=4)] == [*many(25)][1::2]


def test_leads_from_before_there_was_a_search_are_found_after_the_upgrade(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with writing(engine) as connection:
        migrate(connection, "0003")
        for name in ("b", "a"):
            connection.execute(
                text(
                    "INSERT INTO leads (id, customer, full_name, created_at, updated_at)"
                    " VALUES (:id, 'acme', :full_name, :at, :at)"
                ),
                {"id": name, "full_name": f"Jane {name}", "at": NOW.isoformat()},
            )
    ensure_schema(engine)
    add(engine, {"c": {"full_name": "Jane c"}})
    assert (find(engine, "jane", order="oldest"), find(engine, "jane", order="name")) == (["a", "b", "c"],) * 2
    engine.dispose()


def migrate(connection: Connection, revision: str) -> None:
    """Bring an empty database to an earlier schema."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
