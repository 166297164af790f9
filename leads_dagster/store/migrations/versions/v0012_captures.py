"""Captures: what was captured when, from where, with what confidence, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_RECORD = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "captures",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("origin", sa.Text()),
        sa.Column("confidence", sa.Float()),
        sa.Column("record_id", _RECORD),
        sa.Column("lead_id", sa.Text()),
        sa.Column("changed_lead", sa.Boolean(), nullable=False),
        sa.Column("captured_at", _TIME, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer", "key", name="pk_captures"),
    )
    op.create_index("ix_captures_record_id", "captures", ["record_id"])
