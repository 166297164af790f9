"""Which records are worth comparing: pairs that share a key.

What belongs here: from the aspects of many records to pairs, in pieces that fit in memory. Keys are made in `aspects`;
whether a pair is one lead is decided in `evidence`.

Of records that say the same of an aspect, one stands for all; the others are only tied to it. That keeps rows that
repeat one person from being compared with each other, and `clustering` lifts what was found back to all who share the
aspect. In a block above `SMALL_BLOCK` records, pairs that cannot end in one lead (two LinkedIn profiles; two different
names at one mailbox) are only looked at side by side, for the record; that choice never changes a cluster.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.aspects import (
    ASPECTS,
    LINKEDIN,
    TWIN,
    Aspect,
    Key,
    aspect_keys,
    aspect_values,
    blocking_keys,
)
from leads_dagster.leads.match_record import MatchRecord

__all__ = ["Pairs", "blocking_keys", "candidate_pairs"]

Indexes = NDArray[np.int64]
Flags = NDArray[np.bool_]

# A larger block looks at two records that cannot be one lead only where they lie side by side.
SMALL_BLOCK = 16
# Pairs handed on at a time; bounds the memory of the largest block.
CHUNK_PAIRS = 1_000_000


<<<<<<< HEAD
# A blocking key, and whether under it the record may be one lead with any other of the block, and so is compared with
# all of them; else it is compared with its neighbours and with those for which that is so.
Key = tuple[str, bool]


def aspect_values(record: MatchRecord, aspect: Aspect) -> dict[str, str]:
    """All that one rule reads of a record: what two records must share to meet -> value; {} where it reads nothing.

    Only mailboxes and telephones, of which a record may have several, need something shared; else the key is "".
    """
    return _VALUES[aspect](record)


def _linkedin_value(record: MatchRecord) -> dict[str, str]:
    return {"": record.slug} if record.slug else {}


def _mailbox_values(record: MatchRecord) -> dict[str, str]:
    return _mailbox_alone_values(record) if record.name.key else {}


def _mailbox_alone_values(record: MatchRecord) -> dict[str, str]:
    return {mailbox: f"{mailbox}|{record.name.key}" for mailbox in record.mailboxes}


def _role_values(record: MatchRecord) -> dict[str, str]:
    if record.kind == "company":
        return {}
    rest = record.name.key or f"|{record.company.key}"
    return {mailbox: f"{mailbox}|{rest}" for mailbox in record.role_mailboxes}


def _phone_values(record: MatchRecord) -> dict[str, str]:
    return {phone: f"{phone}|{record.name.key}" for phone in record.phones} if record.name.key else {}


def _name_company_value(record: MatchRecord) -> dict[str, str]:
    both = record.name.key and record.company.key
    return {"": f"{record.name.key}|{record.company.key}"} if both else {}


def _company_value(record: MatchRecord) -> dict[str, str]:
    if record.kind != "company":
        return {}
    parts = (record.company.key, *record.phones, "", *record.role_mailboxes, "", record.site, *record.place, "")
    return {"": "|".join((*parts, *(address.key for address in record.addresses)))}


def _twin_value(record: MatchRecord) -> dict[str, str]:
    told = not record.slug and not record.mailboxes and not _TELLING_FIELDS.isdisjoint(record.fields)
    return {"": record.content_hash.hex()} if told else {}


# A row that says one of these beside a name is taken for the same lead as a row that says exactly the same.
_TELLING_FIELDS = frozenset({"company", "location", "notes", "phone", "title", "website"})
_VALUES: dict[Aspect, Callable[[MatchRecord], dict[str, str]]] = {
    LINKEDIN: _linkedin_value,
    MAILBOX: _mailbox_values,
    MAILBOX_ALONE: _mailbox_alone_values,
    ROLE_MAILBOX: _role_values,
    PHONE: _phone_values,
    NAME_COMPANY: _name_company_value,
    COMPANY: _company_value,
    TWIN: _twin_value,
}


def blocking_keys(record: MatchRecord) -> tuple[str, ...]:
    """The keys of a record, without repetition, in a fixed order; a pure function of it.

    Two records that share no key are never one lead by rule.
    """
    found: dict[str, None] = {}
    for aspect in ASPECTS:
        for shared, value in aspect_values(record, aspect).items():
            found.update((key, None) for key, _ in _KEYS[aspect](aspect, shared, value, record))
    return tuple(found)


def shared_aspects(left: MatchRecord, right: MatchRecord) -> set[Aspect]:
    """The aspects under which two records share a key, and so are compared."""
    return {cast(Aspect, key[0]) for key in set(blocking_keys(left)).intersection(blocking_keys(right))}


def _exact_key(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    yield f"{aspect}|{value}", True


def _mailbox_key(aspect: Aspect, mailbox: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """Who shares a mailbox and gives no name is compared with everybody there, whatever their names."""
    yield f"{aspect}|{mailbox}", not record.name.key


def _keys_with_name(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """One mailbox or telephone and a name, in readings that leave one key whole where one word has an error."""
    name = record.name
    if not name.key:
        yield from _exact_key(aspect, shared, value, record)
        return
    given, family = name.given, name.family or name.given
    for part in dict.fromkeys((family[:3], f"{given[:3]}~{family[:1]}", f"{family[:3]}~{given[:1]}")):
        yield f"{aspect}|{shared}|{part}|{name.digits}", True
    if name.mononym or aspect == MAILBOX:
        yield f"{aspect}|{shared}|{given[:3]}~|{name.digits}", name.mononym


def _name_company_keys(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """Name times company, each in several readings, so that one error in either leaves one key whole."""
    family, forwards, backwards, *others = _name_parts(record.name)
    digits = f"{record.name.digits}|{record.company.digits}"
    first, *rest = record.company.key.split(" ")
    for name in (family, forwards, backwards, *others):
        yield f"{aspect}|{first[:4]}|{name}|{digits}", True
    if rest:
        yield f"{aspect}|{'+'.join(sorted((first[:2], rest[0][:2])))}|{backwards}|{digits}", True
    end = f"{first[-2:]}.{rest[0][:4]}" if rest else f"{first[-4:]}."
    yield f"{aspect}|{end}|{forwards}|{digits}", True
    yield f"{aspect}|{end}|{backwards}|{digits}", True
    if record.company.acronym:
        yield f"{aspect}|@{record.company.acronym}|{backwards}|{digits}", True


def _name_parts(name: PersonName) -> list[str]:
    """Beginnings and ends of given and family name; the second is the third with the words in the other order."""
    given, family = name.given, name.family or name.given
    parts = [family[:4], f"{given[:4]}~{family[:1]}", f"{family[:4]}~{given[:1]}", f"{given[:3]}~{family[-2:]}."]
    return [*parts, name.before_last[:4]] if name.before_last else parts


def _company_keys(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """A company alone is looked for by its name together with a telephone, place, address, website or mailbox."""
    for word in dict.fromkeys(word[:3] for word in record.company.key.split(" ")[:2]):
        for rest, is_open in _office_keys(record):
            yield f"{aspect}|{word}|{rest}", is_open


def _office_keys(record: MatchRecord) -> Iterator[Key]:
    """What tells one office, and whether the record says too little to contradict another that shares it."""
    place = record.place[0] if record.place else ""
    for phone in record.phones:
        yield f"p{phone}", not place
        if place:
            yield f"p{phone}|{place}", True
    if place:
        yield f"l{place}", not record.phones
    for address in record.addresses:
        yield f"a{' '.join(address.numbers)}|{''.join(address.street)[:1]}", True
    bare = not place and not record.phones
    for mailbox in record.role_mailboxes:
        yield f"e{mailbox}", bare
    if record.site:
        yield f"s{record.site}", bare


_KEYS: dict[Aspect, Callable[[Aspect, str, str, MatchRecord], Iterator[Key]]] = {
    LINKEDIN: _exact_key,
    MAILBOX: _keys_with_name,
    MAILBOX_ALONE: _mailbox_key,
    ROLE_MAILBOX: _keys_with_name,
    PHONE: _keys_with_name,
    NAME_COMPANY: _name_company_keys,
    COMPANY: _company_keys,
    TWIN: _exact_key,
}


=======
>>>>>>> D
@dataclass
class Pairs:
    """Pairs of indexes to compare under one aspect.

    Attributes:
        aspect: under which rule.
        left, right: positions in the list of records; left[i] < right[i], no pair twice within one `Pairs`.
    """

    aspect: Aspect
    left: Indexes
    right: Indexes


@dataclass
class _Blocks:
    """The representatives of one aspect and the blocks they fall into, as columns."""

    codes: array[int] = field(default_factory=lambda: array("q"))
    owners: array[int] = field(default_factory=lambda: array("q"))
    flags: array[int] = field(default_factory=lambda: array("b"))
    ties: list[tuple[int, int]] = field(default_factory=list)


# In `_Blocks.flags`.
_CLOSED, _SLUGGED = 1, 2


def candidate_pairs(records: Sequence[MatchRecord], first_new: int = 0) -> Iterator[Pairs]:
    """Every pair that shares a key and has a new record in it, equal aspects tied to one representative.

    Args:
        records: known ones first, each part in content-hash order, so that the representative of an aspect is a known
            record where there is one, and never depends on the order of arrival.
        first_new: position of the first new record; those before it are known, and compared among themselves already.
    """
    wanted = {hash(key) for record in records[first_new:] for key in blocking_keys(record)} if first_new else None
    for aspect, block in _gathered(records, wanted).items():
        yield from _distinct(aspect, len(records), first_new, _block_pairs(block, first_new))


def _gathered(records: Sequence[MatchRecord], wanted: set[int] | None) -> dict[Aspect, _Blocks]:
    blocks = {aspect: _Blocks() for aspect in ASPECTS}
    first: dict[tuple[Aspect, str, str], int] = {}
    for index, record in enumerate(records):
        for aspect in ASPECTS:
            for shared, value in aspect_values(record, aspect).items():
                representative = first.setdefault((aspect, value, record.slug), index)
                if representative != index:
                    blocks[aspect].ties.append((representative, index))
                elif aspect not in _EXACT:
                    _enter(blocks[aspect], index, aspect_keys(record, aspect, shared, value), record, wanted)
    return blocks


# Aspects whose records meet by equal values alone: being tied to one of them is all.
_EXACT = frozenset({LINKEDIN, TWIN})


def _enter(block: _Blocks, index: int, keys: Iterable[Key], record: MatchRecord, wanted: set[int] | None) -> None:
    slugged = _SLUGGED if record.slug else 0
    entries = [(hash(key), is_open) for key, is_open in keys]
    if wanted is not None:
        entries = [entry for entry in entries if entry[0] in wanted]
    block.codes.extend([code for code, _ in entries])
    block.flags.extend([slugged if is_open else slugged | _CLOSED for _, is_open in entries])
    block.owners.extend([index] * len(entries))


def _block_pairs(block: _Blocks, first_new: int) -> Iterator[Indexes]:
    """Pairs as (n, 2) arrays, in pieces of about `CHUNK_PAIRS`."""
    if block.ties:
        yield np.array(block.ties, dtype=np.int64)
    if not block.codes:
        return
    codes = np.frombuffer(block.codes, dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    codes, owners = codes[order], np.frombuffer(block.owners, dtype=np.int64)[order]
    flags = np.frombuffer(block.flags, dtype=np.int8)[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    sizes = np.diff(np.r_[starts, codes.size])
    yield from _small_blocks(starts, sizes, owners)
    for start, size in zip(starts[sizes > SMALL_BLOCK], sizes[sizes > SMALL_BLOCK], strict=True):
        here = slice(start, start + size)
        yield from _large_block(owners[here], flags[here], owners[here] >= first_new)


def _small_blocks(starts: Indexes, sizes: Indexes, owners: Indexes) -> Iterator[Indexes]:
    """All pairs of every block of at most `SMALL_BLOCK`, one distance between the two at a time."""
    small = (sizes > 1) & (sizes <= SMALL_BLOCK)
    ends = np.repeat((starts + sizes)[small], sizes[small])
    here = np.repeat(starts[small] - np.r_[0, np.cumsum(sizes[small])[:-1]], sizes[small]) + np.arange(ends.size)
    for distance in range(1, SMALL_BLOCK):
        inside = here + distance < ends
        here, ends = here[inside], ends[inside]
        yield np.column_stack((owners[here], owners[here + distance]))


def _large_block(owners: Indexes, flags: NDArray[np.int8], new: Flags) -> Iterator[Indexes]:
    """Pairs of one block: open records with all; two LinkedIn profiles, and two closed records, only side by side."""
    free = flags == 0
    slugged, closed_free = flags == _SLUGGED, flags == _CLOSED
    yield from _among(owners[free], new[free])
    for some, others in ((free, ~free), (slugged, closed_free)):
        yield from _between(owners[some], owners[others & new])
        yield from _between(owners[some & new], owners[others & ~new])
    rest = owners[~free]
    yield np.column_stack((rest[:-1], rest[1:]))


def _among(owners: Indexes, new: Flags) -> Iterator[Indexes]:
    """Every pair of the records given in which one is new."""
    if not new.all():
        yield from _between(owners[new], owners)
        return
    step = int(CHUNK_PAIRS**0.5)
    for start in range(0, owners.size, step):
        piece = owners[start : start + step]
        left, right = np.triu_indices(piece.size, 1)
        yield np.column_stack((piece[left], piece[right]))
        yield from _between(piece, owners[start + step :])


def _between(left: Indexes, right: Indexes) -> Iterator[Indexes]:
    """Every pair of one from the left and one from the right."""
    if not right.size:
        return
    step = max(1, CHUNK_PAIRS // right.size)
    for start in range(0, left.size, step):
        piece = left[start : start + step]
        yield np.column_stack((np.repeat(piece, right.size), np.tile(right, piece.size)))


def _distinct(aspect: Aspect, count: int, first_new: int, pieces: Iterable[Indexes]) -> Iterator[Pairs]:
    """Pieces gathered to chunks, each pair once in a chunk, the lower index left, at least one of them new."""
    waiting: list[Indexes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece[piece.max(axis=1) >= first_new] if first_new else piece)
        size += len(waiting[-1])
        if size >= CHUNK_PAIRS:
            yield _unique(aspect, count, waiting)
            waiting, size = [], 0
    if waiting:
        yield _unique(aspect, count, waiting)


def _unique(aspect: Aspect, count: int, pieces: list[Indexes]) -> Pairs:
    pairs = np.concatenate(pieces)
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    codes = np.sort((low * count + high)[low != high])
    left, right = np.divmod(codes[np.diff(codes, prepend=-1) > 0], count)
    return Pairs(aspect, left, right)
