"""What undo, edits of leads and the migration of JSON files need to remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _source_records()
    op.add_column("decisions", sa.Column("undone_by", _ROW_ID, nullable=True))
    op.add_column("claims", sa.Column("voided_by", _ROW_ID, nullable=True))
    op.add_column("conflicts", sa.Column("resolution", sa.Text(), nullable=True))
    op.add_column("conflicts", sa.Column("decision_id", _ROW_ID, nullable=True))
    filled = sa.text("merged_into IS NOT NULL")
    op.create_index("ix_leads_merged_into", "leads", ["merged_into"], sqlite_where=filled, postgresql_where=filled)
    _migration_log()


def _source_records() -> None:
    op.add_column("source_records", sa.Column("kind", sa.Text(), nullable=False, server_default=sa.text("'row'")))
    op.add_column("source_records", sa.Column("origin_lead_id", sa.Text(), nullable=True))
    op.add_column("source_records", sa.Column("undone", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("source_records", sa.Column("undone_by", _ROW_ID, nullable=True))
    op.execute("UPDATE source_records SET origin_lead_id = lead_id")
    keyed = sa.text("source_key IS NOT NULL")
    op.create_index(
        "ix_source_records_customer_source_source_key",
        "source_records",
        ["customer", "source", "source_key"],
        sqlite_where=keyed,
        postgresql_where=keyed,
    )


def _migration_log() -> None:
    """Nothing ever wrote to the old one."""
    op.drop_table("migration_log")
    op.create_table(
        "migration_log",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("migration_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("summary", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("backup", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_migration_log"),
    )
    op.create_index("ix_migration_log_customer_migration_id", "migration_log", ["customer", "migration_id"])
