"""An envelope as a CloudEvent: for webhooks, streams, brokers, and everything else that leaves.

Invariant: what `reading` makes of a written event is the envelope it was written from (shape and reception apart).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from inventory_assets.contracts.events.envelope import DEFAULT_PRIORITY, Envelope
from inventory_assets.contracts.events.shapes import SPEC_VERSION
from inventory_assets.contracts.events.wire import dumps

_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""Characters a header value holds as they are (CloudEvents HTTP binding, 3.1.3.2)."""


def instant_text(instant: datetime) -> str:
    """An instant as RFC 3339 text in UTC."""
    return instant.isoformat().replace("+00:00", "Z")


def structured_event(envelope: Envelope) -> dict[str, Any]:
    """The event as a JSON object in structured mode; `wire.dumps` makes it text."""
    return {**_attributes(envelope), "data": envelope.data}


def binary_event(envelope: Envelope) -> tuple[dict[str, str], bytes]:
    """The event in binary mode: headers and body."""
    attributes = _attributes(envelope)
    headers = {"Content-Type": attributes.pop("datacontenttype")}
    headers |= {f"ce-{name}": quote(str(value), safe=_PLAIN) for name, value in attributes.items()}
    return headers, dumps(envelope.data).encode()


def _attributes(envelope: Envelope) -> dict[str, Any]:
    optional = {
        "subject": envelope.subject,
        "traceid": envelope.trace_id,
        "correlationid": envelope.correlation_id,
        "causationid": envelope.causation_id,
        "partitionkey": envelope.partition_key,
        "priority": None if envelope.priority == DEFAULT_PRIORITY else envelope.priority,
    }
    return {
        "specversion": SPEC_VERSION,
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "time": instant_text(envelope.time),
        "datacontenttype": "application/json",
        "schemaversion": str(envelope.version),
        **{name: value for name, value in optional.items() if value is not None},
        **envelope.extensions,
    }
