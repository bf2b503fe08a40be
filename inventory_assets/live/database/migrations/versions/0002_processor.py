"""What the processor keeps: effects beside events, reservations, taken numbers, modes, dead letters."""

from __future__ import annotations

from alembic import op

revision = "0002_processor"
down_revision = "0001"
branch_labels = None
depends_on = None

STEPS = """
ALTER TABLE event_log ADD COLUMN effects TEXT;

ALTER TABLE inventory_state ADD COLUMN told SMALLINT DEFAULT 0 NOT NULL;
ALTER TABLE inventory_state ADD COLUMN ledger_hash BYTEA;
ALTER TABLE inventory_state DROP CONSTRAINT inventory_state_reserved_check;

ALTER TABLE ledger ADD COLUMN event_id TEXT DEFAULT '' NOT NULL;
ALTER TABLE ledger ADD COLUMN document TEXT DEFAULT '' NOT NULL;

CREATE TABLE reservations (
    id TEXT NOT NULL,
    location TEXT NOT NULL,
    lines JSONB NOT NULL,
    expires_at timestamptz,
    status TEXT NOT NULL,
    source TEXT,
    event_id TEXT,
    updated_at timestamptz NOT NULL,
    CONSTRAINT reservations_pkey PRIMARY KEY (id),
    CONSTRAINT reservations_status_check CHECK (status IN ('open', 'committed', 'released', 'expired'))
);

CREATE INDEX reservations_due_idx ON reservations (expires_at) WHERE status = 'open';

CREATE TABLE transaction_numbers (
    source TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    CONSTRAINT transaction_numbers_pkey PRIMARY KEY (source, transaction_id)
);

CREATE TABLE live_modes (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    since timestamptz NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT live_modes_pkey PRIMARY KEY (scope, key),
    CONSTRAINT live_modes_scope_check CHECK (scope IN ('all', 'item', 'category', 'location')),
    CONSTRAINT live_modes_key_check CHECK ((scope = 'all') = (key = ''))
);

CREATE TABLE dead_letters (
    sequence BIGINT NOT NULL,
    part SMALLINT NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    item TEXT,
    lane SMALLINT NOT NULL,
    priority SMALLINT NOT NULL,
    event_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    attempts SMALLINT NOT NULL,
    error_class TEXT NOT NULL,
    error_code TEXT NOT NULL,
    error_message TEXT NOT NULL,
    died_at timestamptz NOT NULL,
    status TEXT NOT NULL,
    recoveries SMALLINT DEFAULT 0 NOT NULL,
    pattern TEXT,
    resolved_at timestamptz,
    resolved_by TEXT,
    resolution TEXT,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (sequence, part),
    CONSTRAINT dead_letters_status_check CHECK (status IN ('open', 'retried', 'edited', 'discarded'))
);

CREATE INDEX dead_letters_open_idx ON dead_letters (died_at) WHERE status = 'open'
"""


def upgrade() -> None:
    """Add to the tables of the first schema."""
    for statement in STEPS.split(";"):
        op.execute(statement)
