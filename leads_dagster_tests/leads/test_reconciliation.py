"""Row identity: sorting, inserting, editing and deleting rows never mistakes one record for another."""

from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.reconciliation import RowView, changed_fields, pair_changed, pair_digests

NOTHING = bytes(16)


def digests(*rows: str) -> bytes:
    return b"".join(xxhash.xxh3_128_digest(row.encode()) for row in rows)


def row(index: int, name: str = "", email: str = "", *, key: str = "", leadless: bool = False, **cells: str) -> RowView:
    shown = {"Name": name, "Email": email, **cells}
    return RowView(index, key, digests(repr(sorted(shown.items()))), name, email, shown, leadless)


def unpaired(count: int) -> np.ndarray:
    return np.full(count, -1, dtype=np.int64)


def test_a_sorted_sheet_pairs_every_row() -> None:
    assert pair_digests(digests("a", "b", "c"), digests("c", "a", "b")).tolist() == [2, 0, 1]


def test_an_inserted_row_is_the_only_one_without_a_partner() -> None:
    assert pair_digests(digests("a", "b"), digests("a", "x", "b")).tolist() == [0, -1, 1]


def test_equal_rows_pair_one_to_one() -> None:
    assert pair_digests(digests("a", "a"), digests("a", "a", "a")).tolist() == [0, 1, -1]


def test_a_zeroed_digest_never_pairs() -> None:
    assert pair_digests(NOTHING + digests("b"), NOTHING + digests("b")).tolist() == [-1, 1]


@given(st.lists(st.sampled_from("abcdef"), max_size=12), st.lists(st.sampled_from("abcdef"), max_size=12))
def test_pairs_are_equal_rows_and_as_many_as_the_two_sheets_share(old: list[str], new: list[str]) -> None:
    paired = pair_digests(digests(*old), digests(*new)).tolist()
    partners = [index for index in paired if index != -1]
    assert len(set(partners)) == len(partners)
    assert all(old[partner] == new[index] for index, partner in enumerate(paired) if partner != -1)
    assert len(partners) == sum(min(old.count(letter), new.count(letter)) for letter in set(old))


def test_editing_the_name_of_a_row_is_an_edit() -> None:
    old, new = row(0, "Jane Doe", "j@x.de", Co="Acme"), row(0, "Jane Smith", "j@x.de", Co="Acme")
    assert pair_changed([new], [old], unpaired(1)) == {0: 0}


def test_editing_the_email_of_a_row_is_an_edit() -> None:
    old, new = row(0, "Jane Doe", "j@x.de", Co="Acme"), row(0, "Jane Doe", "jane@x.de", Co="Acme")
    assert pair_changed([new], [old], unpaired(1)) == {0: 0}


def test_a_row_whose_name_and_email_are_both_new_is_a_new_record_even_in_the_old_place() -> None:
    old, new = row(0, "Jane Doe", "j@x.de", Co="Acme"), row(0, "Bob Stone", "b@x.de", Co="Acme")
    assert pair_changed([new], [old], unpaired(1)) == {}


def test_a_namesake_elsewhere_in_the_sheet_is_not_the_record_that_left() -> None:
    paired = np.array([0, 1, -1], dtype=np.int64)
    old = row(2, "John Smith", "john@x.de", Co="Acme", City="Bonn")
    assert pair_changed([row(2, "John Smith", "js@y.de", Co="Zeta", City="Oslo")], [old], paired) == {2: 2}
    far = row(5, "John Smith", "john@x.de", Co="Acme", City="Bonn")
    assert pair_changed([row(2, "John Smith", "js@y.de", Co="Zeta", City="Oslo")], [far], paired) == {}


def test_an_id_column_decides_against_everything_else() -> None:
    old = [row(0, "Jane", "j@x.de", key="7"), row(1, "Bob", "b@x.de", key="8")]
    new = [row(0, "Bob", "b@x.de", key="7"), row(1, "Jane", "j@x.de", key="9")]
    assert pair_changed(new, old, unpaired(2)) == {0: 0}


def test_a_mended_row_in_quarantine_stays_the_record_it_was() -> None:
    old = row(1, "", "", Co="Acme", leadless=True)
    paired = np.array([0, -1, 2], dtype=np.int64)
    assert pair_changed([row(1, "Jane Doe", "j@x.de", Co="Acme")], [old], paired) == {1: 1}


def test_a_row_without_email_is_known_by_its_place_and_the_rest_of_its_cells() -> None:
    paired = np.array([0, -1, 2], dtype=np.int64)
    old = row(1, "Jane Doe", "", Co="Acme", Title="CEO", City="Bonn")
    assert pair_changed([row(1, "Jane Smith", "", Co="Acme", Title="CEO", City="Bonn")], [old], paired) == {1: 1}
    assert pair_changed([row(1, "Bob", "", Co="Zeta", Title="CTO", City="Oslo")], [old], paired) == {}


def test_a_source_claims_only_what_it_says_differently() -> None:
    covered = frozenset({"email", "phone"})
    before, after = {"email": "a", "phone": "1", "title": "x"}, {"email": "b", "phone": "1"}
    assert changed_fields(before, after, covered=covered, never_said=frozenset()) == {"email": "b"}


def test_a_blanked_cell_is_a_claim_and_a_column_that_is_gone_is_not() -> None:
    before = {"email": "a", "phone": "1"}
    claims = changed_fields(before, {"email": "a"}, covered=frozenset({"phone", "email"}), never_said=frozenset())
    assert claims == {"phone": None}
    assert changed_fields(before, {"email": "a"}, covered=frozenset({"email"}), never_said=frozenset()) == {}


def test_under_a_new_mapping_a_cell_that_never_was_claimed_is_claimed() -> None:
    said = {"phone": "1"}
    assert changed_fields(said, said, covered=frozenset({"phone"}), never_said=frozenset({"phone"})) == {"phone": "1"}
