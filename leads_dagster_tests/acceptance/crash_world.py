"""What the crash loop's customer has: a sheet that people keep editing, and people who are saved from Python.

What belongs here: making the data, from one seed. Nothing here opens a store.

Names are letters by chance, so that nothing but the edits here makes two rows alike: rows of one name and address are
one person, of one address and two names perhaps (that is a review's business), of one name alone two.
"""

from __future__ import annotations

import csv
import io
import json
import random
import string
from collections import Counter
from collections.abc import Callable
from pathlib import Path

HEADER = ("Name", "Email", "Company", "Title", "Zip")
NAME, EMAIL, COMPANY, TITLE, ZIP = range(5)
Row = tuple[str, str, str, str, str]
TITLES = ("CEO", "CTO", "CFO", "Chair", "Founder", "Clerk", "Buyer", "Partner")
ROWS = 120
MOST_EDITED = 14  # of 120 rows: what the guard lets through


class World:
    """One customer's sheet and the people that its programs save.

    Attributes:
        rows: the sheet, as it was written last.
        saved: key -> what was saved from Python under it last.
    """

    def __init__(self, home: Path, seed: int) -> None:
        self.home, self.chance = home, random.Random(seed)
        self.rows: list[Row] = [self._person() for _ in range(ROWS - 10)]
        self.rows += [self._again(row) for row in self.chance.sample(self.rows, 6)]
        self.rows += [self._nobody() for _ in range(4)]
        self.saved: dict[str, dict[str, str]] = {}

    @property
    def sheet(self) -> Path:
        return self.home / "sheet.csv"

    def write(self) -> None:
        """Put the sheet where the customer's sheet is; at once, as a program that saves a file does."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([HEADER, *self.rows])
        draft = self.sheet.with_suffix(".draft")
        draft.write_text(text.getvalue(), encoding="utf-8")
        draft.replace(self.sheet)

    def edit(self) -> None:
        """What people do to a sheet between two cycles: less than the guard would park."""
        for _ in range(self.chance.randrange(4, MOST_EDITED)):
            self.chance.choices(_EDITS, weights=_OFTEN)[0](self)
        self.write()

    def edit_beyond_the_guard(self) -> None:
        """More than a cycle may change without asking."""
        for place in self.chance.sample(range(len(self.rows)), 55):
            self._set(place, TITLE, f"Retitled {self.chance.randrange(10_000)}")
        self.write()

    def someone_to_save(self) -> dict[str, str]:
        """A record for the public database: a new person, one that was saved before, or one of the sheet."""
        kind = self.chance.random()
        if kind < 0.4 or not self.saved:
            name, email, company, title, _ = self._person()
            record = {"key": f"api-{email}", "full_name": name, "email": email, "company": company, "title": title}
        elif kind < 0.8:
            record = {**self.saved[self.chance.choice(list(self.saved))], "title": self.chance.choice(TITLES)}
        else:
            row = self.chance.choice([row for row in self.rows if row[EMAIL]])
            record = {"key": f"api-{row[EMAIL]}", "full_name": row[NAME], "email": row[EMAIL], "title": "Guest"}
        self.saved[record["key"]] = record
        return record

    def file_of_json(self, number: int) -> Path:
        """An export of another program: new people, and some whom the sheet has."""
        people = [self._person() for _ in range(24)]
        told = [
            {"name": row[NAME], "email": row[EMAIL], "company": row[COMPANY], "title": row[TITLE]} for row in people
        ]
        known = self.chance.sample([row for row in self.rows if row[EMAIL]], 6)
        told += [{"name": row[NAME], "email": row[EMAIL]} for row in known]
        path = self.home / f"export{number}.json"
        path.write_text(json.dumps(told), encoding="utf-8")
        return path

    def expected_raw(self) -> Counter[Row]:
        """The sheet's rows as a multiset."""
        return Counter(self.rows)

    def _person(self) -> Row:
        first, last, company = self._word(6), self._word(9), self._word(11)
        title, number = self.chance.choice(TITLES), self.chance.randrange(1_000_000)
        return (f"{first} {last}", f"{first}.{last}@people.example".lower(), company, title, f"{number:06d}")

    def _word(self, length: int) -> str:
        """Letters by chance, so that no two names are alike."""
        return "".join(self.chance.choices(string.ascii_lowercase, k=length)).title()

    @staticmethod
    def _again(row: Row) -> Row:
        return (row[NAME], row[EMAIL], row[COMPANY], "", "")

    def _nobody(self) -> Row:
        return ("", "", "", "Intern", str(self.chance.randrange(1_000_000)))

    def _set(self, place: int, column: int, value: str) -> None:
        row = list(self.rows[place])
        row[column] = value
        self.rows[place] = (row[0], row[1], row[2], row[3], row[4])

    def _place(self) -> int:
        return self.chance.randrange(len(self.rows))

    def retitle(self) -> None:
        self._set(self._place(), TITLE, self.chance.choice(TITLES))

    def renumber(self) -> None:
        self._set(self._place(), ZIP, f"{self.chance.randrange(1_000_000):06d}")

    def add(self) -> None:
        """A new person; of every two one has a namesake in the sheet, at another company."""
        if len(self.rows) < ROWS + 20:
            name, *rest = self._person()
            namesake = self.rows[self._place()][NAME]
            chosen = namesake if namesake and self.chance.random() < 0.5 else name
            self.rows.insert(self._place(), (chosen, rest[0], rest[1], rest[2], rest[3]))

    def remove(self) -> None:
        if len(self.rows) > ROWS - 20:
            del self.rows[self._place()]

    def sort(self) -> None:
        self.rows.sort(key=lambda row: row[self.chance.randrange(5) if self.chance.random() < 0.1 else ZIP])

    def shuffle(self) -> None:
        self.chance.shuffle(self.rows)

    def merge(self) -> None:
        """Two of one name turn out to be one: a row takes the other's e-mail address. Else it is a slip."""
        place, other = self._place(), self._place()
        namesakes = [
            number for number, row in enumerate(self.rows) if row[NAME] and row[NAME] == self.rows[place][NAME]
        ]
        self._set(place, EMAIL, self.rows[self.chance.choice([*namesakes, other])][EMAIL])

    def part(self) -> None:
        """They are two after all: a row gets an address and a company of its own."""
        place = self._place()
        if self.rows[place][NAME]:
            self._set(place, EMAIL, f"own{self.chance.randrange(10**9)}@people.example")
            self._set(place, COMPANY, self._word(11))

    def spoil(self) -> None:
        """A row is emptied, but for its number."""
        place = self._place()
        if sum(not row[EMAIL] for row in self.rows) < 12:
            self.rows[place] = ("", "", "", "", self.rows[place][ZIP])

    def retype(self) -> None:
        """A row that named nobody names somebody."""
        empty = [place for place, row in enumerate(self.rows) if not row[EMAIL]]
        if empty:
            self.rows[self.chance.choice(empty)] = self._person()


_EDITS: tuple[Callable[[World], None], ...] = (
    World.retitle, World.renumber, World.add, World.remove, World.sort, World.shuffle, World.merge, World.part,
    World.spoil, World.retype,
)  # fmt: skip
_OFTEN = (8, 3, 5, 3, 1, 1, 5, 2, 1, 2)
