"""Proven balances at positions of the log, and how far events were removed behind one."""

from __future__ import annotations

from alembic import op

revision = "0004_checkpoints"
down_revision = "0003_listener"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.execute(
        "CREATE TABLE log_checkpoints (epoch INTEGER NOT NULL, sequence BIGINT NOT NULL,"
        " made_at TIMESTAMP WITH TIME ZONE NOT NULL, pairs BIGINT NOT NULL, hash BYTEA NOT NULL,"
        " balances BYTEA NOT NULL, unapplied BIGINT NOT NULL,"
        " CONSTRAINT log_checkpoints_pkey PRIMARY KEY (sequence))"
    )
    op.execute(
        "CREATE TABLE log_purges (sequence BIGINT NOT NULL, purged_at TIMESTAMP WITH TIME ZONE NOT NULL,"
        " CONSTRAINT log_purges_pkey PRIMARY KEY (sequence))"
    )
