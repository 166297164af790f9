"""pyairtable's object mapper over a table with a field of every type: all its methods, all its kinds of fields."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from pyairtable.exceptions import MissingRecordError
from pyairtable.orm import Model
from pyairtable.orm import fields as f

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.pyairtable_world import TYPED_BASE, api_of, typed_bases

ANN = {"id": "usrAnn00000000001", "email": "ann@example.com", "name": "Ann"}
# What is written to each field, by the mapper's kind of field, the column, and what it is worth when read again.
WRITTEN: dict[str, tuple[str, Any]] = {
    "SingleLineTextField": ("Name", "Ann"),
    "TextField": ("Name", "Ann"),
    "MultilineTextField": ("Notes", "one\ntwo"),
    "RichTextField": ("Rich", "**bold**\n"),
    "EmailField": ("Mail", "ann@example.com"),
    "UrlField": ("Site", "https://example.com"),
    "PhoneNumberField": ("Phone", "0049 30 1"),
    "IntegerField": ("Count", 7),
    "FloatField": ("Score", 2.5),
    "NumberField": ("Score", 2.5),
    "CurrencyField": ("Price", 9.99),
    "PercentField": ("Share", 0.25),
    "RatingField": ("Stars", 4),
    "DurationField": ("Length", timedelta(minutes=90)),
    "CheckboxField": ("Seen", True),
    "DateField": ("Day", date(2024, 2, 29)),
    "DatetimeField": ("At", datetime(2024, 2, 29, 13, 45, tzinfo=timezone.utc)),
    "SelectField": ("Stage", "won"),
    "MultipleSelectField": ("Tags", ["red"]),
    "CollaboratorField": ("Owner", ANN),
    "MultipleCollaboratorsField": ("Team", [ANN]),
    "BarcodeField": ("Code", {"text": "4006381333931", "type": "ean13"}),
}
SHOWN: dict[str, str] = {
    "AutoNumberField": "Serial",
    "ButtonField": "Open",
    "CountField": "Firms",
    "CreatedByField": "Maker",
    "CreatedTimeField": "Made",
    "ExternalSyncSourceField": "Origin",
    "LastModifiedByField": "Changer",
    "LastModifiedTimeField": "Changed",
    "LookupField": "Cities",
    "ManualSortField": "Order",
    "AITextField": "Guess",
}
LINKING = {"AttachmentsField", "LinkField", "SingleLinkField"}


@pytest.fixture(scope="module")
def typed() -> Iterator[Sandbox]:
    with Sandbox(typed_bases()) as sandbox:
        yield sandbox


@contextmanager
def person_model(typed: Sandbox) -> Iterator[type[Model]]:
    """A model of the people, whose requests go to the twin."""
    typed.reset()
    api = api_of(typed)

    class Firm(Model):
        name = f.TextField("Name")
        Meta = {"api_key": "pat", "base_id": TYPED_BASE, "table_name": "Firms"}  # noqa: RUF012  # the mapper's form

    class Person(Model):
        name = f.TextField("Name")
        score = f.FloatField("Score")
        files = f.AttachmentsField("Files")
        firms = f.LinkField("Firm", Firm)
        firm = f.SingleLinkField("Firm", Firm)
        cities = f.LookupField[str]("Cities")
        Meta = {"api_key": "pat", "base_id": TYPED_BASE, "table_name": "People"}  # noqa: RUF012  # the mapper's form

    Firm.meta.api = Person.meta.api = api  # the mapper has no setting for another server
    yield Person
    api.session.close()


@pytest.fixture
def person(typed: Sandbox) -> Iterator[type[Model]]:
    with person_model(typed) as model:
        yield model


def model_with(person: type[Model], kind: str, column: str) -> type[Model]:
    """A model of one field, of that kind, on that column."""
    attributes = {"cell": getattr(f, kind)(column), "Meta": person.Meta}
    made: type[Model] = type("One", (Model,), attributes)
    made.meta.api = person.meta.api
    return made


@pytest.mark.parametrize("prefix", ["", "Required"])
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_value_is_saved_and_read_again(person: type[Model], kind: str, prefix: str) -> None:
    column, value = WRITTEN[kind]
    if not hasattr(f, prefix + kind):
        prefix = ""  # lists and truths have no required kind
    made = model_with(person, prefix + kind, column)
    saved = made(cell=value)
    saved.save()
    assert made.from_id(saved.id).cell == value


@pytest.mark.parametrize("kind", SHOWN)
def test_a_computed_value_is_read_and_cannot_be_written(person: type[Model], kind: str) -> None:
    made = model_with(person, kind, SHOWN[kind])
    record = person(name="Ann")
    record.firms = [person.firms.linked_model.from_id("recAcme0000000001")]
    record.save()
    read = made.from_id(record.id)
    empty = kind in ("ExternalSyncSourceField", "ManualSortField", "AITextField")
    assert (not read.cell) == empty
    with pytest.raises(AttributeError):
        read.cell = "x"


def test_a_model_is_saved_changed_fetched_and_deleted(person: type[Model]) -> None:
    ann = person(name="Ann", score=1.5)
    assert not ann.exists()
    assert ann.save().created
    assert ann.exists()
    ann.score = 2.5
    result = ann.save()
    assert (result.updated, result.saved, result.field_names) == (True, True, {"Score"})
    assert not ann.save().saved
    assert ann.save(force=True).forced
    same = person.from_id(ann.id, fetch=False)
    same.fetch()
    assert same.to_record()["fields"]["Score"] == 2.5
    assert person.from_record(person.meta.table.get(ann.id)).score == 2.5
    assert ann.delete()


def test_models_are_found_and_saved_and_deleted_in_batches(person: type[Model]) -> None:
    people = [person(name=f"n{number}", score=float(number)) for number in range(12)]
    person.batch_save(people)
    people[0].score = 99.0
    person.batch_save(people[:1])
    assert person.first(formula=person.score.gt(50)).name == "n0"
    assert len(person.all(formula=person.score.lte(3))) == 3
    assert len(person.all(formula=person.score.lt(3))) == 2
    assert [each.name for each in person.all(formula=person.score.gte(11), sort=["Name"])] == ["n0", "n11"]
    assert len(person.all(formula=person.name.ne("n3"))) == 11
    assert [each.name for each in person.all(formula=person.name.eq("n3"))] == ["n3"]
    ids = [each.id for each in people[:3]]
    assert [each.id for each in person.from_ids(ids)] == ids
    with pytest.raises(MissingRecordError):
        person.from_ids(["recUnknown0000000"])
    person.batch_delete(people)
    assert person.all() == []


def test_a_model_has_comments(person: type[Model]) -> None:
    ann = person(name="Ann")
    ann.save()
    ann.add_comment("Hello")
    assert [each.text for each in ann.comments()] == ["Hello"]


def test_links_are_followed_added_and_taken_away(person: type[Model], typed: Sandbox) -> None:
    firm_model = person.firms.linked_model
    acme = firm_model.from_id("recAcme0000000001")
    beta = firm_model(name="Beta")
    beta.save()
    ann = person(name="Ann")
    ann.firms.append(acme)
    ann.firms.extend([beta])
    ann.save()
    read = person.from_id(ann.id)
    assert [each.name for each in read.firms] == ["Acme", "Beta"]
    assert read.cities == ["Bonn"]
    read.firms.remove(read.firms[0])
    read.firms.insert(0, acme)
    assert read.firms.pop().name == "Beta"
    read.save()
    again = person.from_id(ann.id)
    person.firms.populate(again)
    assert [each.name for each in again.firms] == ["Acme"]
    assert again.firm.name == "Acme"
    again.firms.clear()
    again.save()
    assert "People" not in typed.airtable.records(TYPED_BASE, "Firms")[0]["fields"]


def test_a_file_is_uploaded_through_a_model(person: type[Model]) -> None:
    ann = person(name="Ann")
    ann.save()
    ann.files.upload("note.txt", b"text", "text/plain")
    assert [each["filename"] for each in person.from_id(ann.id).files] == ["note.txt"]
    ann.files.append({"url": "https://example.com/b.pdf"})
    ann.files.insert(0, {"url": "https://example.com/a.png"})
    ann.files.extend([{"url": "https://example.com/c.csv"}, {"url": "https://example.com/d.csv"}])
    assert ann.files.pop() == {"url": "https://example.com/d.csv"}
    ann.files.remove({"url": "https://example.com/c.csv"})
    ann.save()
    assert [each["type"] for each in person.from_id(ann.id).files] == ["image/png", "text/plain", "application/pdf"]
    ann.files.clear()
    ann.save()
    assert person.from_id(ann.id).files == []


def test_a_model_is_written_from_the_schema_of_a_base(typed: Sandbox) -> None:
    from pyairtable.orm.generate import ModelFileBuilder

    typed.reset()
    api = api_of(typed)
    source = str(ModelFileBuilder(api.base(TYPED_BASE)))
    assert "class Person(Model)" in source
    assert "F.SelectField('Stage')" in source or 'F.SelectField("Stage")' in source
    api.session.close()


def test_no_kind_of_field_is_left_out() -> None:
    kinds = {name for name in f.__all__ if inspect.isclass(getattr(f, name)) and name not in ("Field", "AnyField")}
    tried = {*WRITTEN, *SHOWN, *LINKING}
    required = {f"Required{name}" for name in tried}
    assert kinds - tried - required - {"LinkSelf"} == set()
