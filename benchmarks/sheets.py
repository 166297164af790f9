"""Sheets of leads as an export has them: nine columns, seeded, in any size.

What belongs here: making the bytes that are loaded. Different people in companies of a few leads each, one row in fifty
repeated by another hand, one cell in five thousand quoted, about 230 bytes a row. The names of companies are made of
syllables, so that no two of 100,000 leads share one by accident.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator

HEADER = ("Name", "Email", "Phone", "Company", "Title", "LinkedIn URL", "Location", "Website", "Notes")
KEY_COLUMN = "Email"
LEADS_PER_COMPANY = 4
REPEATED = 0.02
QUOTED_CELLS = 0.0002

_GIVEN = """
    James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica
    Thomas Sarah Karen Charles Lisa Daniel Nancy Matthew Sandra Mark Ashley Steven Emily Paul Donna Joshua Michelle
    Kevin Amanda Brian Melissa George Deborah Edward Helen Ryan Gary Amy Eric Anna Stephen Brenda Scott Katherine
    Jürgen Sabine Björn Françoise Renée Łukasz José Núria Zoë Wolfgang Giulia Pedro Lucía Ana Piotr Femke Sven Ingrid
"""
_SYLLABLES = "bar ben cor dal den fel gar hol kan lor mar nel oster pel ran sel tor ul vin wal zan"
_FIELDS = ("Logistics", "Analytics", "Foods", "Systems", "Health", "Robotics", "Media", "Energy", "Partners", "Works")
_FORMS = ("Inc.", "LLC", "Ltd", "GmbH", "S.A.", "B.V.", "Group", "& Sons", "")
_TITLES = ("CEO", "Head of Sales", "Software Engineer", "VP Marketing", "Recruiter", "Account Executive", "Buyer")
_CITIES = ("Austin, TX", "Berlin", "Paris", "Lisbon", "Oslo", "Boston, MA", "Leeds", "Denver, CO", "Milan", "Warsaw")
_NOTES = ("met at the spring fair", "prefers e-mail", "has a trial", "asked for a call next week", "")
_UNCOMMON = str.maketrans("öüçéèłńúëíŁÖÜ", "oucee" + "lnuei" + "LOU")

Row = list[str]


def sheet(rows: int, seed: int = 7) -> bytes:
    """A CSV of that many rows below the header, UTF-8.

    Args:
        rows: how many.
        seed: the same seed gives the same bytes.
    """
    chance = random.Random(seed)
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_rows(chance, rows))
    return target.getvalue().encode()


def edited(data: bytes, number: int) -> bytes:
    """The same sheet with one more word at the end of one row, another row for each number.

    Args:
        data: what `sheet` gave; no cell of it holds a line break.
        number: which edit, from 0.
    """
    lines = data.split(b"\n")
    place = 1 + number * 7919 % (len(lines) - 2)
    lines[place] = _with_edit(lines[place], number)
    return b"\n".join(lines)


def edited_all(data: bytes, number: int) -> bytes:
    """The same sheet with another note in every row."""
    header, *lines = data.split(b"\n")
    return b"\n".join([header, *(_with_edit(line, number) if line else line for line in lines)])


def _with_edit(line: bytes, number: int) -> bytes:
    end = b'"' if line.endswith(b'"') else b""
    return line.removesuffix(b'"') + f" (edit {number + 1})".encode() + end


def _rows(chance: random.Random, count: int) -> Iterator[Row]:
    before: list[Row] = []
    company = _company(chance, 0)
    for number in range(count):
        if before and chance.random() < REPEATED:
            yield _repeated(chance, chance.choice(before), number)
            continue
        if number % LEADS_PER_COMPANY == 0:
            company = _company(chance, number)
        row = _lead(chance, number, *company)
        before = [*before[-99:], row]
        yield _quoted(chance, row)


def _company(chance: random.Random, number: int) -> tuple[str, str]:
    """Name and host."""
    word = _word(chance)
    field = chance.choice(_FIELDS)
    return f"{word} {field} {chance.choice(_FORMS)}".strip(), f"{word}{field}{number}.com".lower()


def _lead(chance: random.Random, number: int, company: str, host: str) -> Row:
    given, family = chance.choice(_GIVEN.split()), _word(chance)
    mailbox = f"{given}.{family}{number}".lower().translate(_UNCOMMON)
    return [
        f"{given} {family}", f"{mailbox}@{host}", _phone(number), company, chance.choice(_TITLES),
        f"https://www.linkedin.com/in/{mailbox.replace('.', '-')}", chance.choice(_CITIES).partition(",")[0],
        f"https://www.{host}", chance.choice(_NOTES),
    ]  # fmt: skip


def _phone(number: int) -> str:
    """A number of the United States, of nobody twice."""
    return f"({201 + number // 8_000_000}) {200 + number // 10_000 % 800}-{number % 10_000:04d}"


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(_SYLLABLES.split(), k=chance.randint(3, 4))).capitalize()


def _repeated(chance: random.Random, row: Row, number: int) -> Row:
    """The same lead as another hand writes it: in capitals, or without the page and the phone.

    The address gets a tag, which is the same mailbox: dlt's staging refuses two rows with equal keys.
    """
    email = row[1].replace("@", f"+{number}@")
    if chance.random() < 0.5:
        return [row[0].upper(), email.upper(), *row[2:]]
    return [row[0], email, "", row[3], row[4], "", *row[6:]]


def _quoted(chance: random.Random, row: Row) -> Row:
    """A comma in a cell makes it a quoted one."""
    if chance.random() < QUOTED_CELLS * len(row):
        return [*row[:6], chance.choice(_CITIES[::5]) + ", EU", *row[7:]]
    return row
