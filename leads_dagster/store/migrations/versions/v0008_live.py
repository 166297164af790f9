"""What the live system knows: how often each sheet is looked at and why, and how long changes took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "watching",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("interval_seconds", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("changed_at", _TIME, nullable=True),
        sa.Column("looked_at", _TIME, nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("retry_at", _TIME, nullable=True),
        sa.Column("triggered_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("customer", name="pk_watching"),
    )
    op.create_table(
        "freshness",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("made_seconds", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_freshness"),
    )
    op.create_index("ix_freshness_customer_at", "freshness", ["customer", "at"])
    op.create_table(
        "freshness_minutes",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("minute_at", _TIME, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("buckets", sa.JSON(), nullable=False),
        sa.Column("made_buckets", sa.JSON(), nullable=False),
        sa.Column("worst_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("customer", "target", "minute_at", name="pk_freshness_minutes"),
    )
