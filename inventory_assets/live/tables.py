"""The tables of the live layer, declared once; a test holds the migrations to them.

- `event_log`: every event in the order of its commit. Sequences are drawn under the append lock, so a reader by range
  never skips one; numbers may be missing where a transaction was rolled back or an event was a repeat.
- `log_epochs`: raised by restore and promotion, so that who read further than the log now reaches notices.
- `event_ids`: which (source, id) was taken; outlives the log, so that a late repeat is still one event.
- `event_queue`: a row a part while it waits. `not_before` is null while it may be taken at once; a retry that has to
  wait carries its instant and stands outside the index of the claim, so it never blocks the head.
- `processing_log`: a row an attempt. `inventory_state` and `ledger`: stock of a pair, and every change of it.
- `reservations`: who holds what until when. `transaction_numbers`: senders' numbers that are taken.
- `live_modes`: what only the batch side works on. `dead_letters`: parts that failed for good, with what became of them.
- `event_conflicts`: what came under an id that another event has; the first of each content, for people to look at.
- `log_checkpoints`: balances of every pair at a position of the log, proven equal to the fold of the log.
- `log_purges`: up to where events were removed behind a checkpoint; they are in the archive alone.
- `outbox`: what leaves, in the order of commits. `audit_log`: what people did, each row carrying the hash of the last.
- `outbox_positions`: how far each consumer of the outbox is. `webhooks`, `deliveries`: who is told, and every attempt.
- `live_rules`: which effects count, kept for good, each from a position of the log on. `live_masters` (one row),
  `live_items`, `live_locations`, `live_pairs`: what the lake knew of items, locations and pairs when it was last asked.
- `replays`: replays that were asked for, how far they are and what came of them; one is open at a time.
- `webhook_keys`: what was done to a webhook under an Idempotency-Key, and the answer; secrets by their hash only.

What is not here: the rules that fill them. Instants come from the caller's clock; no column has a default of now.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

LANES = 64
"""Lanes of the queue. Stored with each waiting row: never change it while rows wait."""

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)
INSTANT = DateTime(timezone=True)
BUSY = {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 5000, "autovacuum_vacuum_cost_delay": 0}
"""Vacuum tables whose rows come and go after a fixed number of changes, not after a share of what they once held."""


def _needed(name: str, kind: object, *rest: object) -> Column:
    return Column(name, kind, *rest, nullable=False)  # type: ignore[arg-type]


EVENT_LOG = Table(
    "event_log",
    METADATA,
    Column("sequence", BigInteger, Identity(cache=1)),
    _needed("epoch", Integer),
    _needed("source", Text),
    _needed("event_id", Text),
    _needed("type", Text),
    _needed("event_time", INSTANT),
    _needed("received_at", INSTANT),
    _needed("priority", SmallInteger),
    _needed("items", ARRAY(Text)),
    _needed("disposition", Text),
    _needed("envelope", JSONB),
    _needed("data", JSONB),
    Column("effects", Text),
    PrimaryKeyConstraint("sequence"),
    CheckConstraint("disposition IN ('accepted', 'decided', 'filtered', 'quarantined')", name="disposition"),
    CheckConstraint("priority BETWEEN 1 AND 11", name="priority"),
)
Index(None, EVENT_LOG.c.received_at, postgresql_using="brin")

LOG_EPOCHS = Table(
    "log_epochs",
    METADATA,
    Column("epoch", Integer, autoincrement=False),
    _needed("after_sequence", BigInteger),
    _needed("began_at", INSTANT),
    _needed("cause", Text),
    PrimaryKeyConstraint("epoch"),
)

EVENT_IDS = Table(
    "event_ids",
    METADATA,
    Column("source", Text),
    Column("event_id", Text),
    _needed("sequence", BigInteger),
    _needed("fingerprint", LargeBinary),
    _needed("received_at", INSTANT),
    PrimaryKeyConstraint("event_id", "source"),
)
Index(None, EVENT_IDS.c.received_at, postgresql_using="brin")

EVENT_QUEUE = Table(
    "event_queue",
    METADATA,
    Column("sequence", BigInteger, autoincrement=False),
    Column("part", SmallInteger, autoincrement=False),
    _needed("lane", SmallInteger),
    _needed("priority", SmallInteger),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    _needed("event_time", INSTANT),
    _needed("received_at", INSTANT),
    Column("not_before", INSTANT),
    PrimaryKeyConstraint("sequence", "part"),
    CheckConstraint(f"lane BETWEEN 0 AND {LANES - 1}", name="lane"),
    postgresql_with=BUSY,
)
CLAIM_ORDER = Index(
    "event_queue_claim_idx",
    EVENT_QUEUE.c.lane,
    EVENT_QUEUE.c.priority.desc(),
    EVENT_QUEUE.c.event_time,
    EVENT_QUEUE.c.sequence,
    EVENT_QUEUE.c.part,
    postgresql_where=text("not_before IS NULL"),
)
Index(
    "event_queue_retry_idx",
    EVENT_QUEUE.c.not_before,
    postgresql_where=text("not_before IS NOT NULL"),
)

PROCESSING_LOG = Table(
    "processing_log",
    METADATA,
    Column("id", BigInteger, Identity(cache=1)),
    _needed("sequence", BigInteger),
    _needed("part", SmallInteger),
    _needed("attempt", SmallInteger),
    _needed("status", Text),
    _needed("worker", Text),
    _needed("started_at", INSTANT),
    _needed("ended_at", INSTANT),
    Column("actions", JSONB),
    Column("error_class", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("sequence", "part", "attempt"),
    CheckConstraint("status IN ('Completed', 'Failed', 'Retry')", name="status"),
)

INVENTORY_STATE = Table(
    "inventory_state",
    METADATA,
    Column("item", Text),
    Column("location", Text),
    _needed("version", BigInteger),
    Column("book", BigInteger),
    _needed("net", BigInteger),
    _needed("reserved", BigInteger),
    _needed("unavailable", BigInteger),
    _needed("in_transit", BigInteger),
    _needed("on_order", BigInteger),
    _needed("basis", Text),
    Column("count_time", INSTANT),
    Column("count_kind", Text),
    Column("count_source", Text),
    Column("count_document", Text),
    Column("count_quantity", BigInteger),
    Column("count_sequence", BigInteger),
    Column("first_known_at", INSTANT),
    Column("last_movement_at", INSTANT),
    _needed("conflict_status", Text),
    _needed("last_sequence", BigInteger),
    Column("live_updated_at", INSTANT),
    Column("batch_updated_at", INSTANT),
    Column("told", SmallInteger, nullable=False, server_default=text("0")),
    Column("ledger_hash", LargeBinary),
    PrimaryKeyConstraint("item", "location"),
    CheckConstraint("basis IN ('counted', 'opening', 'assumed', 'unknown')", name="basis"),
    CheckConstraint("(book IS NULL) = (basis = 'unknown')", name="known"),
    CheckConstraint("conflict_status IN ('None', 'Detected', 'Resolving', 'Resolved')", name="conflict_status"),
    postgresql_with={"fillfactor": 60, **BUSY},
)

LEDGER = Table(
    "ledger",
    METADATA,
    Column("id", BigInteger, Identity(cache=1)),
    _needed("sequence", BigInteger),
    _needed("part", SmallInteger),
    _needed("item", Text),
    _needed("location", Text),
    _needed("bucket", Text),
    _needed("kind", Text),
    _needed("event_time", INSTANT),
    _needed("recorded_at", INSTANT),
    _needed("quantity", BigInteger),
    _needed("effect", BigInteger),
    Column("resulting_book", BigInteger),
    _needed("resulting_version", BigInteger),
    _needed("actor", Text),
    _needed("reason", Text),
    Column("previous_hash", LargeBinary),
    _needed("hash", LargeBinary),
    Column("event_id", Text, nullable=False, server_default=text("''")),
    Column("document", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("sequence", "part", "item", "location", "bucket", "kind"),
    CheckConstraint("bucket IN ('book', 'reserved', 'unavailable', 'in_transit', 'on_order')", name="bucket"),
    CheckConstraint("kind IN ('fact', 'correction')", name="kind"),
)
Index(None, LEDGER.c.item, LEDGER.c.location, LEDGER.c.sequence)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", BigInteger, Identity(cache=1)),
    Column("sequence", BigInteger),
    _needed("type", Text),
    Column("item", Text),
    Column("location", Text),
    _needed("created_at", INSTANT),
    _needed("data", JSONB),
    PrimaryKeyConstraint("id"),
)

AUDIT_LOG = Table(
    "audit_log",
    METADATA,
    Column("id", BigInteger, Identity(cache=1)),
    _needed("at", INSTANT),
    _needed("actor", Text),
    _needed("action", Text),
    _needed("subject", Text),
    Column("reason", Text),
    _needed("detail", JSONB),
    Column("previous_hash", LargeBinary),
    _needed("hash", LargeBinary),
    PrimaryKeyConstraint("id"),
)

RESERVATIONS = Table(
    "reservations",
    METADATA,
    Column("id", Text),
    _needed("location", Text),
    _needed("lines", JSONB),
    Column("expires_at", INSTANT),
    _needed("status", Text),
    Column("source", Text),
    Column("event_id", Text),
    _needed("updated_at", INSTANT),
    PrimaryKeyConstraint("id"),
    CheckConstraint("status IN ('open', 'committed', 'released', 'expired')", name="status"),
)
Index("reservations_due_idx", RESERVATIONS.c.expires_at, postgresql_where=text("status = 'open'"))

TRANSACTION_NUMBERS = Table(
    "transaction_numbers",
    METADATA,
    Column("source", Text),
    Column("transaction_id", Text),
    _needed("sequence", BigInteger),
    PrimaryKeyConstraint("source", "transaction_id"),
)

LIVE_MODES = Table(
    "live_modes",
    METADATA,
    Column("scope", Text),
    Column("key", Text),
    _needed("since", INSTANT),
    _needed("actor", Text),
    _needed("reason", Text),
    PrimaryKeyConstraint("scope", "key"),
    CheckConstraint("scope IN ('all', 'item', 'category', 'location')", name="scope"),
    CheckConstraint("(scope = 'all') = (key = '')", name="key"),
)

DEAD_LETTERS = Table(
    "dead_letters",
    METADATA,
    Column("sequence", BigInteger, autoincrement=False),
    Column("part", SmallInteger, autoincrement=False),
    _needed("source", Text),
    _needed("type", Text),
    Column("item", Text),
    _needed("lane", SmallInteger),
    _needed("priority", SmallInteger),
    _needed("event_time", INSTANT),
    _needed("received_at", INSTANT),
    _needed("attempts", SmallInteger),
    _needed("error_class", Text),
    _needed("error_code", Text),
    _needed("error_message", Text),
    _needed("died_at", INSTANT),
    _needed("status", Text),
    Column("recoveries", SmallInteger, nullable=False, server_default=text("0")),
    Column("pattern", Text),
    Column("resolved_at", INSTANT),
    Column("resolved_by", Text),
    Column("resolution", Text),
    PrimaryKeyConstraint("sequence", "part"),
    CheckConstraint("status IN ('open', 'retried', 'edited', 'discarded')", name="status"),
)
Index("dead_letters_open_idx", DEAD_LETTERS.c.died_at, postgresql_where=text("status = 'open'"))

Index(None, EVENT_LOG.c["items"], postgresql_using="gin", postgresql_with={"fastupdate": "off"})
Index(None, EVENT_LOG.c.type, EVENT_LOG.c.sequence)

EVENT_CONFLICTS = Table(
    "event_conflicts",
    METADATA,
    Column("event_id", Text),
    Column("source", Text),
    Column("fingerprint", LargeBinary),
    _needed("first_sequence", BigInteger),
    _needed("received_at", INSTANT),
    _needed("type", Text),
    _needed("data", Text),
    PrimaryKeyConstraint("event_id", "source", "fingerprint"),
)

LOG_CHECKPOINTS = Table(
    "log_checkpoints",
    METADATA,
    _needed("epoch", Integer),
    Column("sequence", BigInteger, autoincrement=False),
    _needed("made_at", INSTANT),
    _needed("pairs", BigInteger),
    _needed("hash", LargeBinary),
    _needed("balances", LargeBinary),
    _needed("unapplied", BigInteger),
    PrimaryKeyConstraint("sequence"),
)

LOG_PURGES = Table(
    "log_purges",
    METADATA,
    Column("sequence", BigInteger, autoincrement=False),
    _needed("purged_at", INSTANT),
    PrimaryKeyConstraint("sequence"),
)
OUTBOX_POSITIONS = Table(
    "outbox_positions",
    METADATA,
    Column("consumer", Text),
    _needed("position", BigInteger),
    _needed("updated_at", INSTANT),
    PrimaryKeyConstraint("consumer"),
)

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("id", Text),
    _needed("url", Text),
    _needed("types", ARRAY(Text)),
    Column("items", ARRAY(Text)),
    Column("locations", ARRAY(Text)),
    _needed("description", Text),
    _needed("secret", LargeBinary),
    Column("previous_secret", LargeBinary),
    Column("previous_until", INSTANT),
    _needed("status", Text),
    Column("status_reason", Text),
    _needed("failures", Integer),
    Column("next_attempt_at", INSTANT),
    Column("leased_by", Text),
    Column("leased_until", INSTANT),
    _needed("created_at", INSTANT),
    _needed("created_by", Text),
    _needed("updated_at", INSTANT),
    PrimaryKeyConstraint("id"),
    CheckConstraint("status IN ('active', 'paused', 'disabled')", name="status"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", BigInteger, Identity(cache=1)),
    _needed("webhook", Text),
    Column("outbox_id", BigInteger),
    _needed("message_id", Text),
    _needed("type", Text),
    _needed("cause", Text),
    _needed("attempt", Integer),
    _needed("requested_at", INSTANT),
    Column("ended_at", INSTANT),
    _needed("status", Text),
    Column("response_status", Integer),
    Column("error", Text),
    Column("seconds", Double),
    Column("replay", BigInteger),
    Column("not_before", INSTANT),
    PrimaryKeyConstraint("id"),
    CheckConstraint("status IN ('waiting', 'delivered', 'failed')", name="status"),
    CheckConstraint("cause IN ('event', 'redelivery', 'replay', 'test')", name="cause"),
)
Index(None, DELIVERIES.c.webhook, DELIVERIES.c.id)
Index(
    "deliveries_waiting_idx",
    DELIVERIES.c.webhook,
    DELIVERIES.c.cause,
    DELIVERIES.c.id,
    postgresql_where=text("status = 'waiting'"),
)
Index("deliveries_replay_idx", DELIVERIES.c.replay, DELIVERIES.c.outbox_id, postgresql_where=text("replay IS NOT NULL"))
Index(None, DELIVERIES.c.requested_at, postgresql_using="brin")

LIVE_RULES = Table(
    "live_rules",
    METADATA,
    Column("version", BigInteger, autoincrement=False),
    _needed("after_sequence", BigInteger),
    _needed("published_at", INSTANT),
    _needed("rule", Text),
    PrimaryKeyConstraint("version"),
)

LIVE_MASTERS = Table(
    "live_masters",
    METADATA,
    Column("version", BigInteger, autoincrement=False),
    _needed("published_at", INSTANT),
    _needed("knows_items", Boolean),
    _needed("knows_locations", Boolean),
    _needed("inputs", Text),
    PrimaryKeyConstraint("version"),
)

LIVE_ITEMS = Table(
    "live_items",
    METADATA,
    Column("item", Text),
    Column("category", Text),
    Column("maximum", BigInteger),
    Column("reorder_point", BigInteger),
    PrimaryKeyConstraint("item"),
)

LIVE_LOCATIONS = Table(
    "live_locations",
    METADATA,
    Column("location", Text),
    _needed("stock_authority", Text),
    PrimaryKeyConstraint("location"),
)

LIVE_PAIRS = Table(
    "live_pairs",
    METADATA,
    Column("item", Text),
    Column("location", Text),
    Column("maximum", BigInteger),
    Column("reorder_point", BigInteger),
    _needed("pack", BigInteger),
    Column("on_order", BigInteger),
    _needed("receipts", Text),
    Column("unknown_reason", Text),
    PrimaryKeyConstraint("item", "location"),
)

REPLAYS = Table(
    "replays",
    METADATA,
    Column("id", BigInteger, Identity(cache=1)),
    Column("key", Text),
    _needed("wanted", JSONB),
    _needed("dry_run", Boolean),
    _needed("requested_at", INSTANT),
    _needed("requested_by", Text),
    _needed("reason", Text),
    _needed("status", Text),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("leased_by", Text),
    Column("leased_until", INSTANT),
    Column("position", BigInteger),
    Column("upto", BigInteger),
    Column("ended_at", INSTANT),
    Column("result", JSONB),
    Column("error", Text),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("key"),
    CheckConstraint("status IN ('waiting', 'running', 'done', 'failed', 'cancelled')", name="status"),
)
Index(
    "replays_open_idx",
    text("(true)"),
    unique=True,
    _table=REPLAYS,
    postgresql_where=text("status IN ('waiting', 'running')"),
)

Index(None, EVENT_LOG.c.source, EVENT_LOG.c.sequence)
Index(
    None,
    EVENT_LOG.c.event_time,
    postgresql_using="brin",
    postgresql_ops={"event_time": "timestamptz_minmax_multi_ops"},
    postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
)

WEBHOOK_KEYS = Table(
    "webhook_keys",
    METADATA,
    Column("webhook", Text),
    Column("key", Text),
    _needed("wanted", JSONB),
    Column("answer", JSONB),
    _needed("made_at", INSTANT),
    PrimaryKeyConstraint("webhook", "key"),
)
