"""What the processor keeps: effects beside their event."""

from __future__ import annotations

from alembic import op

revision = "0002_processor"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to the tables of the first schema."""
    op.execute("ALTER TABLE event_log ADD COLUMN effects TEXT")
