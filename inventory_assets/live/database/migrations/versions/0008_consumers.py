"""Deliveries made again by a replay; what was done to a webhook under an Idempotency-Key."""

from __future__ import annotations

from alembic import op

revision = "0008_consumers"
down_revision = "0007_replays"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE deliveries ADD COLUMN replay BIGINT, ADD COLUMN not_before timestamptz;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_cause_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_cause_check
    CHECK (cause IN ('event', 'redelivery', 'replay', 'test'));

DROP INDEX deliveries_waiting_idx;
CREATE INDEX deliveries_waiting_idx ON deliveries (webhook, cause, id) WHERE status = 'waiting';
CREATE INDEX deliveries_replay_idx ON deliveries (replay, outbox_id) WHERE replay IS NOT NULL;

CREATE TABLE webhook_keys (
    webhook TEXT NOT NULL,
    key TEXT NOT NULL,
    wanted JSONB NOT NULL,
    answer JSONB,
    made_at timestamptz NOT NULL,
    CONSTRAINT webhook_keys_pkey PRIMARY KEY (webhook, key)
);
"""


def upgrade() -> None:
    """Add to the tables before."""
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)
