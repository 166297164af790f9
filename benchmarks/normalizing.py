"""What normalising a row costs, beside the libraries called row by row.

Run as `python -m benchmarks.normalizing`; `run()` gives the same figures as data. All rows are different leads, so that
caches of whole values do not flatter; the peer reads a sample of the same rows in the same run.
"""

from __future__ import annotations

import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from leads_dagster.leads.fields import ColumnMapping, ColumnTarget
from leads_dagster.leads.normalization import Normalizer

ROWS = 100_000
PEER_ROWS = 2_000
REPEATS = 3
COLUMNS = {
    "First Name": "first_name", "Last Name": "last_name", "Email": "email", "Phone": "phone", "Company": "company",
    "Title": "title", "LinkedIn URL": "linkedin_url", "Website": "website", "City": "city",
}  # fmt: skip
SYLLABLES = "ba be bo da di ka ki la le lo ma mi na ne ni no ra re ri ro sa se ta te to va ve wa za zo"
TITLES = ("CEO", "Head of Sales", "Software Engineer", "VP Marketing", "Recruiter", "Account Executive")
FORMS = ("GmbH", "Inc.", "LLC", "Ltd", "& Sons", "Group", "S.A.")
CITIES = ("New Orleans", "Berlin", "Paris", "Austin", "Lisbon", "Oslo", "Rome", "Leeds")

Row = list[str]


def plain_rows(count: int) -> list[Row]:
    """Different leads as a tidy export has them."""
    chance = random.Random(42)
    return [_plain_row(chance, number) for number in range(count)]


def messy_rows(count: int) -> list[Row]:
    """Different leads as people type them: every cell is of a shape that needs a library."""
    chance = random.Random(43)
    return [_messy_row(chance, number) for number in range(count)]


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES.split(), k=chance.randint(2, 4))).capitalize()


def _plain_row(chance: random.Random, number: int) -> Row:
    first, last, firm = _word(chance), _word(chance), _word(chance)
    phone = f"{chance.randint(200, 989)}-{chance.randint(200, 989)}-{number % 10_000:04d}"
    return [
        first, last, f"{first}.{last}{number}@{firm}.com".lower(), phone, f"{firm} {chance.choice(FORMS)}",
        chance.choice(TITLES), f"https://www.linkedin.com/in/{first}-{last}-{number:x}".lower(),
        f"http://www.{firm}{number}.com".lower(), chance.choice(CITIES),
    ]  # fmt: skip


def _messy_row(chance: random.Random, number: int) -> Row:
    first, last, email, phone, company, title, linkedin, website, city = _plain_row(chance, number)
    return [
        f"DR. {first.upper()}", f"VAN DER {last.upper()}, MBA", f"{first} <{email.upper()}>", f"Tel: {phone} ext. 5",
        f"MÃ¼ller {company}", f" {title}\u00a0", linkedin.upper() + "?trk=x", website + "/about?x=1", f"{city} –",
    ]  # fmt: skip


def library_calls() -> Callable[[Row], object]:
    """One row through the libraries, as one would write it without caring for time."""
    import cleanco  # type: ignore[import-untyped]  # ships no types
    import ftfy
    import phonenumbers
    import tldextract
    from email_validator import EmailNotValidError, validate_email
    from nameparser import HumanName

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def normalize(row: Row) -> object:
        first, last, email, phone, company, _, _, website, _ = map(ftfy.fix_text, row)
        name = HumanName(f"{first} {last}")
        name.capitalize()
        try:
            address = validate_email(email, check_deliverability=False).normalized
        except EmailNotValidError:
            address = email
        number = phonenumbers.parse(phone, "US")
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return str(name), address, e164, cleanco.basename(company), extract(website).top_domain_under_public_suffix

    return normalize


def normalizer() -> Normalizer:
    """The product's way, with a mapping made by hand."""
    columns = [ColumnTarget(index, label, target) for index, (label, target) in enumerate(COLUMNS.items())]
    return Normalizer(ColumnMapping(tuple(columns)))


def _microseconds_a_row(work: Callable[[Row], object], rows: Sequence[Row]) -> float:
    started = time.process_time()  # nothing here waits, so time given to other processes is not counted
    for row in rows:
        work(row)
    return (time.process_time() - started) / len(rows) * 1e6


def _measured(name: str, work: Callable[[Row], object], rows: Sequence[Row]) -> dict[str, Any]:
    work(rows[0])  # imports and tables are not a row's cost
    times = [_microseconds_a_row(work, rows) for _ in range(REPEATS)]
    return {"name": name, "rows": len(rows), "us_per_row": round(statistics.median(times), 1)}


def run(rows: int = ROWS, peer_rows: int = PEER_ROWS) -> list[dict[str, Any]]:
    """The figures: name, rows, median microseconds a row, and how many times faster than the peer that is."""
    plain, messy = plain_rows(rows), messy_rows(max(1, rows // 2))
    libraries = library_calls()
    results = [
        _measured("libraries row by row, tidy", libraries, plain[:peer_rows]),
        _measured("Normalizer.row, tidy", normalizer().row, plain),
        _measured("libraries row by row, messy", libraries, messy[:peer_rows]),
        _measured("Normalizer.row, messy", normalizer().row, messy),
    ]
    for peer, ours in ((results[0], results[1]), (results[2], results[3])):
        ours["times_faster"] = round(peer["us_per_row"] / ours["us_per_row"], 1)
    return results


def main() -> None:
    """Prints the figures as a table."""
    print(f"Python {platform.python_version()} on {platform.machine()}")
    for result in run():
        faster = f"{result['times_faster']:>7} times" if "times_faster" in result else ""
        print(f"{result['name']:<32} {result['rows']:>8,} rows {result['us_per_row']:>9,.1f} us a row {faster}")


if __name__ == "__main__":
    main()
