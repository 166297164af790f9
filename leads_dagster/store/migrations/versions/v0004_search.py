"""Full-text search: leads get a number and a name to order by, and the index is filled from those there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from leads_dagster.store.search_index import rebuild_search

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("leads", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("leads", sa.Column("name_key", _BYTEWISE, nullable=True))
    connection = op.get_bind()
    for statement in _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
    rebuild_search(connection)
    op.create_index("ix_leads_customer_number_created_at", "leads", ["customer", "number", "created_at"])
    op.create_index("ix_leads_customer_name_key_number", "leads", ["customer", "name_key", "number"])
    op.create_index("ix_leads_customer_updated_at_number", "leads", ["customer", "updated_at", "number"])


# `ascii` keeps every character that is not ASCII, so that our own words are taken as they are. No positions are kept
# (detail): words are looked for, not phrases. The first one to three letters behind a customer's tag of four have an
# index of their own, since thousands of words begin with "j".
_SQLITE = (
    "CREATE VIRTUAL TABLE lead_search USING fts5("
    "words, tokenize = 'ascii', detail = none, columnsize = 0, prefix = '5 6 7')",
)
_POSTGRESQL = (
    "CREATE SEQUENCE lead_numbers",
    "CREATE TABLE lead_search (number bigint PRIMARY KEY, words tsvector NOT NULL)",
    "CREATE INDEX ix_lead_search_words ON lead_search USING gin (words)",
)
