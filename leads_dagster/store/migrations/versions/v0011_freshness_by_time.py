"""Finding lines and minutes of freshness by their time, over all customers: adding up and dropping ask for no other."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_freshness_at", "freshness", ["at"])
    op.create_index("ix_freshness_minutes_minute_at", "freshness_minutes", ["minute_at"])
