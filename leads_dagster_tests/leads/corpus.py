"""Values by the ten thousand for comparing fast paths with the libraries they stand in for.

What belongs here: deterministic generators, ordinary shapes mixed with the ones most likely to tell the two apart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import phonenumbers

FIRST_NAMES = (
    "James Mary Josephine Art Lenna Donette Simona Mitsue Leota Sage Kris Minna Abel Kiley Graciela Cammy Jane John "
    "Van Ed Mac Don Al Bill Dot Guy May June Sue Ma Le Vi Lo Ann Bo Jo Ty Abdul Abu Umm Jean Anne-Marie Jean-Paul "
    "O'Shea DeShawn LaToya McKenna Mary-Kate D'Angelo Sir King Prince Baron Judge Dean Rabbi Sister Father Major Page "
    "Marshall Chief Bishop Deacon Duke Earl Count Lord Lady Dame Doctor Miss Master Junior Senior Esquire Vet Ret"
).split()
LAST_NAMES = (
    "Butt Darakjy Venere Paprocki Foller Morasca Tollner Dilliard Wieser Marrier Smith Jones Johnson Williams Brown "
    "McDonald MacDonald O'Neil O'Brien D'Souza Smith-Jones Garcia-Lopez Van Von De Di Da Do Ma Ba Pa La Le Du Del "
    "Santa San St Bin Ibn Bar Bat Bon Te Den Mac Mc Ali Khan King Bishop Page Dean Marshall Major Prince Earl Duke "
    "Phd Md Mba Cpa Esq Jr Sr Ii Iii Iv Vi Xi Ix And Und The Of Et Ed Jd Ret Vet Chi Ace Cap Art Abc Ala Chen Li Wu"
).split()
HOST_WORDS = "acme initech globex umbrella stark wayne foo bar a b1 x-y my-firm 123 io co com www mail".split()
TOP_DOMAINS = (
    "com org net de co.uk uk io co info biz fr it es nl pl com.au au ck kawasaki.jp jp github.io blogspot.com "
    "appspot.com local test invalid localhost arpa onion internal corp xyz museum edu gov museum.uk 123 c1 COM De"
).split()
MAIL_LOCALS = (
    "jane jane.doe jane_doe jane-doe jane+tag j o'neil 1 info Jane.DOE a.b.c _x -x x- x. .x a..b jane! jane# j@ne jörg a"
).split()
SEPARATORS = ("", " ", "-", ".", " - ", "/", ") ", "(", "  ")


def names(count: int) -> Iterator[str]:
    """Full names of one to four words, half of them made of words that have a second meaning."""
    chance = random.Random(2026)
    while True:
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        shapes = (
            f"{first} {last}", f"{first} {chance.choice('ABEIJMSVXY')}. {last}", f"{first} {chance.choice(FIRST_NAMES)} {last}",
            f"{first} {chance.choice(LAST_NAMES)} {last}", f"{last}, {first}", f"{_word(chance)} {_word(chance)}",
            f"{first} {_word(chance)}", f"{_word(chance)} {last}", f"{_word(chance)} {_word(chance)} {_word(chance)}",
            f"{first.upper()} {last}", f"{first} {last.lower()}", first,
        )  # fmt: skip
        yield chance.choice(shapes)
        count -= 1
        if not count:
            return


def _word(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnoprstuvwyz", k=chance.randint(2, 8))).capitalize()


def emails(count: int) -> Iterator[str]:
    """Addresses, near-addresses and what people type instead."""
    chance = random.Random(7)
    for _ in range(count):
        local = chance.choice(MAIL_LOCALS) if chance.random() < 0.5 else _word(chance) + str(chance.randint(0, 99))
        labels = [chance.choice(HOST_WORDS) for _ in range(chance.randint(0, 3))]
        if chance.random() < 0.1:
            labels.append(
                chance.choice(("-a", "a-", "a--b", "xn--mller-kva", "xn--a", "ab--cd", "a_b", "ü", "a" * 64, ""))
            )
        domain = ".".join([*labels, chance.choice(TOP_DOMAINS)])
        at = "@" if chance.random() < 0.95 else chance.choice(("@@", "", " @", "＠"))
        yield f"{local}{at}{domain}{'.' if chance.random() < 0.02 else ''}"


def phones(count: int, regions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(cell, region): random digits and real examples, grouped in many ways, with and without country code and trunk."""
    chance = random.Random(11)
    examples = {region: phonenumbers.example_number(region) for region in regions}
    for _ in range(count):
        region = chance.choice(regions)
        example = examples[region]
        if example is not None and chance.random() < 0.5:
            digits = str(example.national_number)
            digits = digits[: chance.randint(2, 5)] + "".join(chance.choices("0123456789", k=len(digits) - 3))
        else:
            digits = "".join(chance.choices("0123456789", k=chance.randint(6, 13)))
        code = str(phonenumbers.country_code_for_region(region))
        prefix = chance.choice(
            ("", "", "", "0", "1", "+" + code, "+" + code, code, "00" + code, "011" + code, "+0", "8", "+1", "+7")
        )
        extension = chance.choice(("", "", "", "", " x12", "x067", " ext. 5", " ext 99", "#3", " x"))
        yield prefix + _grouped(digits, chance) + extension, region


def _grouped(digits: str, chance: random.Random) -> str:
    groups = []
    rest = iter(digits)
    while group := "".join(islice(rest, chance.randint(2, 4))):
        groups.append(group)
    separator = chance.choice(SEPARATORS)
    text = separator.join(groups)
    return (
        f"({groups[0]}) {separator.join(groups[1:])}"
        if chance.random() < 0.2
        else chance.choice(("", separator)) + text
    )


def hosts(rules: list[str]) -> Iterator[str]:
    """Hosts under every rule of the Public Suffix List, with none to three labels before it, and under no rule."""
    for rule in rules:
        suffix = rule.lstrip("!*.")
        for prefix in ("", "a.", "b.a.", "www.acme."):
            yield prefix + suffix
        if rule.startswith("*"):
            yield from (f"{label}.{suffix}" for label in ("x", "y.x", "z.y.x", "www"))
    for top in ("internal", "corp", "lan", "foo", "123", "c-m"):
        yield from (f"{prefix}{top}" for prefix in ("", "a.", "b.a.", "www.b.a."))


def websites(count: int) -> Iterator[str]:
    """Web addresses as people paste them."""
    chance = random.Random(13)
    for _ in range(count):
        labels = [chance.choice((*HOST_WORDS, _word(chance).lower())) for _ in range(chance.choice((0, 1, 1, 1, 2, 3)))]
        host = ".".join([*labels, chance.choice((*TOP_DOMAINS, _word(chance).lower()))])
        scheme = chance.choice(
            ("", "", "http://", "https://", "HTTP://", "//", "ftp://", "http:/", "https://www.", "www.")
        )
        path = chance.choice(("", "", "/", "/about", "?x=1", ":8080/", "#top", "/a/b?c", "."))
        yield scheme + host + path


def linkedin_urls(count: int) -> Iterator[str]:
    """LinkedIn addresses in the forms that browsers, exports and people make."""
    chance = random.Random(17)
    for _ in range(count):
        slug = "-".join(_word(chance) for _ in range(chance.randint(1, 3)))
        slug = chance.choice(
            (slug.lower(), slug.lower(), slug, f"{slug.lower()}-{chance.randint(1, 999999):x}", "ACoAAB" + slug * 3)
        )
        scheme = chance.choice(("https://", "https://", "http://", "", "HTTPS://", "//"))
        host = chance.choice(
            (
                "www.linkedin.com",
                "www.linkedin.com",
                "linkedin.com",
                "de.linkedin.com",
                "m.linkedin.com",
                "WWW.LinkedIn.com",
            )
        )
        kind = chance.choice(("in", "in", "in", "in", "IN", "pub", "company", "sales/lead"))
        tail = chance.choice(("", "", "/", "/de", "?trk=x", "/?originalSubdomain=de", "#about", "/details/experience/"))
        yield f"{scheme}{host}/{kind}/{slug}{tail}"
