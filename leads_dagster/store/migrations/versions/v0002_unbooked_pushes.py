"""What a push may have written before its answer was booked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_status", sa.Column("unbooked", sa.JSON(none_as_null=True), nullable=True))
