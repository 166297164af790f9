"""Finding rows that return, and records that a decision set aside, without looking at all that ever left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, column, where in (
        ("ix_source_records_row_hash", "row_hash", sa.text("state = 'removed'")),
        ("ix_source_records_undone_by", "undone_by", sa.text("undone_by IS NOT NULL")),
    ):
        op.create_index(name, "source_records", [column], sqlite_where=where, postgresql_where=where)
