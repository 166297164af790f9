"""What is known of Airtable: hooks, tables, edits that nobody took in yet, and what our own writes look like there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "airtable_hooks",
        sa.Column("base_id", sa.Text(), nullable=False),
        sa.Column("hook_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("read_at", _TIME, nullable=True),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("made_at", _TIME, nullable=True),
        sa.Column("asked_at", _TIME, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("base_id", name="pk_airtable_hooks"),
    )
    op.create_table(
        "airtable_tables",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("base_id", sa.Text(), nullable=False),
        sa.Column("table_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("attention", sa.JSON(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("swept_at", _TIME, nullable=True),
        sa.Column("sweep_due", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("heard_until", _TIME, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("customer", name="pk_airtable_tables"),
    )
    op.create_index("ix_airtable_tables_base_id", "airtable_tables", ["base_id"])
    op.create_table(
        "airtable_changes",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("base_id", sa.Text(), nullable=False),
        sa.Column("table_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cell", sa.JSON(), nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_airtable_changes"),
    )
    op.create_index(
        "uq_airtable_changes", "airtable_changes", ["base_id", "table_id", "record_id", "field_id"], unique=True
    )
    op.create_table(
        "airtable_duplicates",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noted_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_airtable_duplicates"),
    )
    op.create_index("ix_airtable_duplicates_customer", "airtable_duplicates", ["customer"])
    op.create_table(
        "airtable_fixing_tables",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("base_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("table_id", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("tried_at", _TIME, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("customer", name="pk_airtable_fixing_tables"),
    )
    op.create_table(
        "airtable_fixing",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("record_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("airtable_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer", "record_id", name="pk_airtable_fixing"),
    )
    op.create_table(
        "airtable_attention",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer", "lead_id", name="pk_airtable_attention"),
    )
    op.add_column("sync_status", sa.Column("echoes", sa.JSON(), nullable=True))
    op.create_index(
        "ix_sync_status_external_id",
        "sync_status",
        ["external_id"],
        sqlite_where=sa.text("external_id IS NOT NULL"),
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
