from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.events.envelope import Envelope
from inventory_assets.contracts.events.wire import dumps
from inventory_assets.contracts.events.writing import binary_event, structured_event
from inventory_assets.contracts.values import changed
from inventory_assets_tests.contracts.events.requests import NOW, STRUCTURED, event_of

printable = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"])
texts = st.text(printable, min_size=1, max_size=20)
maybe = st.none() | texts
envelopes = st.builds(
    Envelope,
    id=texts,
    type=texts.map(lambda name: f"x.{name}"),
    source=texts,
    time=st.integers(0, 10**15).map(lambda micros: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)),
    received_at=st.just(NOW),
    data=st.none() | st.dictionaries(texts, st.integers(-5, 5) | texts | st.just(Decimal("1.50")), max_size=3),
    version=st.integers(1, 9),
    subject=maybe,
    priority=st.integers(1, 10),
    trace_id=maybe,
    correlation_id=maybe,
    causation_id=maybe,
    partition_key=maybe,
    extensions=st.dictionaries(st.sampled_from(["tenant", "region"]), texts),
)


@settings(max_examples=80, deadline=None)
@given(envelopes)
def test_what_is_written_is_read_as_it_was(envelope):
    assert event_of(dumps(structured_event(envelope)).encode(), STRUCTURED).envelope == envelope
    headers, body = binary_event(envelope)
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert event_of(body, headers).envelope == changed(envelope, shape="cloudevents")
