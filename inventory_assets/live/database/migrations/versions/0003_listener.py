"""What the listener needs: search by item, type and id, and contradicting events kept for people."""

from __future__ import annotations

from alembic import op

revision = "0003_listener"
down_revision = "0002_processor"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to the tables before."""
    op.execute("CREATE INDEX event_log_items_idx ON event_log USING gin (items) WITH (fastupdate = off)")
    op.execute("CREATE INDEX event_log_type_sequence_idx ON event_log (type, sequence)")
    op.execute("ALTER TABLE event_ids DROP CONSTRAINT event_ids_pkey")
    op.execute("ALTER TABLE event_ids ADD CONSTRAINT event_ids_pkey PRIMARY KEY (event_id, source)")
    op.execute(
        """
        CREATE TABLE event_conflicts (
            event_id TEXT NOT NULL,
            source TEXT NOT NULL,
            fingerprint BYTEA NOT NULL,
            first_sequence BIGINT NOT NULL,
            received_at timestamptz NOT NULL,
            type TEXT NOT NULL,
            data TEXT NOT NULL,
            CONSTRAINT event_conflicts_pkey PRIMARY KEY (event_id, source, fingerprint)
        )
        """
    )
