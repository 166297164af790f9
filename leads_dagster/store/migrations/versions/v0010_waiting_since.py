"""Since when a mirror waits: when the oldest change that it has not heard of was first seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_status", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
