"""What the lake tells the live layer: rules of what counts, masters, thresholds and receipts due."""

from __future__ import annotations

from alembic import op

revision = "0006_masters"
down_revision = "0005_webhooks"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE live_rules (
    version BIGINT NOT NULL,
    after_sequence BIGINT NOT NULL,
    published_at timestamptz NOT NULL,
    rule TEXT NOT NULL,
    CONSTRAINT live_rules_pkey PRIMARY KEY (version)
);

CREATE TABLE live_masters (
    version BIGINT NOT NULL,
    published_at timestamptz NOT NULL,
    knows_items BOOLEAN NOT NULL,
    knows_locations BOOLEAN NOT NULL,
    inputs TEXT NOT NULL,
    CONSTRAINT live_masters_pkey PRIMARY KEY (version)
);

CREATE TABLE live_items (
    item TEXT NOT NULL,
    category TEXT,
    maximum BIGINT,
    reorder_point BIGINT,
    CONSTRAINT live_items_pkey PRIMARY KEY (item)
);

CREATE TABLE live_locations (
    location TEXT NOT NULL,
    stock_authority TEXT NOT NULL,
    CONSTRAINT live_locations_pkey PRIMARY KEY (location)
);

CREATE TABLE live_pairs (
    item TEXT NOT NULL,
    location TEXT NOT NULL,
    maximum BIGINT,
    reorder_point BIGINT,
    pack BIGINT NOT NULL,
    on_order BIGINT,
    receipts TEXT NOT NULL,
    unknown_reason TEXT,
    CONSTRAINT live_pairs_pkey PRIMARY KEY (item, location)
);
"""


def upgrade() -> None:
    """Add to the tables before."""
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)
