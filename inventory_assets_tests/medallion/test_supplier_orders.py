"""What is still to come of an order line follows from all its reports and receipts, whatever order they arrive in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import gold, silver
from inventory_assets.contracts.orders import ORDER_STATES, STAGES, UNRECOGNISED, WORDS
from inventory_assets.contracts.schemas import check, empty
from inventory_assets.contracts.sources import Assumptions, Profiles, SourceProfile
from inventory_assets.medallion.supplier_orders import ORDER_LINE, coverage, current_lines, open_orders, order_receipts
from inventory_assets_tests.medallion.frames import by_key, frame

START = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = date(2026, 2, 20)
NO_ORDERS = Assumptions(nothing_on_order=True)
PROFILES = Profiles({"erp": SourceProfile(order_states={"On Hold": "approved"}, orders_complete=True)})
MEAN_DAYS = {("erp", "V1"): 10.5, ("edi", "V1"): None}
BASE = {"source_system": "erp", "supplier_id": "V1", "order_id": "O1", "line_number": 1, "product_sku": "A",
        "location_id": "DC", "quantity_ordered": 10, "currency": "EUR", "bare_shape": False}  # fmt: skip

days = st.integers(0, 60).map(lambda number: START + timedelta(days=number))
reports = st.lists(
    st.fixed_dictionaries(
        {
            "source_system": st.sampled_from(["erp", "erp", "edi"]),
            "supplier_id": st.just("V1"),
            "order_id": st.sampled_from(["O1", "O2"]),
            "line_number": st.integers(1, 2),
            "product_sku": st.sampled_from(["A", "B"]),
            "order_status": st.none() | st.sampled_from([*WORDS, "on hold", "mystery"]),
            "expected_delivery": st.none() | days,
            "ordered_at": st.none() | days,
            "received_at": st.none() | st.none() | days,
            "quantity_ordered": st.integers(0, 10),
            "quantity_received": st.none() | st.none() | st.integers(0, 12),
            "location_id": st.sampled_from([None, "DC", "DC", "S1"]),
            "updated_at": st.integers(0, 5).map(lambda day: START + timedelta(days=day)),
        }
    ),
    max_size=14,
    unique_by=lambda row: tuple(row[name] for name in (*ORDER_LINE, "updated_at")),
)
receipts = st.lists(
    st.fixed_dictionaries(
        {
            "record_type": st.sampled_from(["receipt", "receipt", "issue", "level"]),
            "order_id": st.sampled_from([None, "O1", "O2", "O9"]),
            "product_sku": st.sampled_from(["A", "B"]),
            "location_id": st.just("DC"),
            "quantity": st.integers(1, 6),
        }
    ),
    max_size=6,
)


def performance() -> pl.DataFrame:
    rows = [
        {"source_system": source, "supplier_id": supplier, "lead_time_mean_days": mean}
        for (source, supplier), mean in MEAN_DAYS.items()
    ]
    return frame(gold.SUPPLIER_PERFORMANCE, rows)


def opened(rows: list[dict], booked: list[dict] | None = None, *, today: date = TODAY, limit: int = 14) -> pl.DataFrame:
    lines = current_lines(frame(silver.SUPPLIER_ORDERS, rows).lazy()).collect()
    received = order_receipts(frame(silver.WAREHOUSE_UPDATES, booked or []).lazy()).collect()
    return check(open_orders(lines, received, performance(), PROFILES, today, limit), gold.OPEN_SUPPLIER_ORDERS)


def report(day: int, **values) -> dict:
    return {
        **BASE,
        "updated_at": START + timedelta(days=day),
        "expected_delivery": START + timedelta(days=60),
        **values,
    }


def looped(rows: list[dict], booked: list[dict]) -> dict[tuple, dict]:
    """The same with dictionaries: reports laid over each other by time, receipts dealt line by line."""
    lines: dict[tuple, dict] = {}
    for row in sorted(rows, key=lambda row: row["updated_at"]):
        line = lines.setdefault(tuple(row[name] for name in ORDER_LINE), dict.fromkeys(row))
        line.update({name: value for name, value in row.items() if value is not None})
    units: dict[tuple, int] = {}
    for row in booked:
        if row["record_type"] == "receipt" and row["order_id"]:
            key = (row["order_id"], row["product_sku"])
            units[key] = units.get(key, 0) + row["quantity"]
    result = {}
    for key, line in sorted(lines.items(), key=lambda entry: entry[0][3]):
        line["state"] = word_state(line)
        pair = (line["order_id"], line["product_sku"])
        owners = {other[:2] for other in lines if (other[2], other[4]) == pair}
        taken = min(units.get(pair, 0), most_receipts(line)) if len(owners) == 1 else 0
        units[pair] = units.get(pair, 0) - taken
        if not is_over(line) and (still := open_values(line, taken)):
            result[key] = still
    return result


def word_state(line: dict) -> str | None:
    if (word := line["order_status"]) is None:
        return None
    own = "approved" if (word, line["source_system"]) == ("on hold", "erp") else UNRECOGNISED
    return WORDS.get(word, own)


def is_over(line: dict) -> bool:
    reported = line["quantity_received"]
    if STAGES.get(line["state"] or "") == "over" or (reported is not None and reported >= line["quantity_ordered"]):
        return True
    return line["state"] is None and reported is None and line["received_at"] is not None


def most_receipts(line: dict) -> int:
    if is_over(line) and line["quantity_received"] is not None:
        return min(line["quantity_received"], line["quantity_ordered"])
    return 0 if line["state"] == "cancelled" else line["quantity_ordered"]


def open_values(line: dict, taken: int) -> dict | None:
    reported, state = line["quantity_received"], line["state"]
    arrived = max(reported or 0, taken)
    vague = reported is None and not taken and (line["received_at"] is not None or state == "partly_received")
    if arrived >= line["quantity_ordered"] and not vague:
        return None
    if state != UNRECOGNISED:
        state = "partly_received" if arrived or vague else state or "sent"
    expected, mean = line["expected_delivery"], MEAN_DAYS[line["source_system"], line["supplier_id"]]
    if expected is None and line["ordered_at"] is not None and mean is not None:
        expected = line["ordered_at"] + timedelta(days=mean)
    late = None if expected is None else max(0, (TODAY - expected.date()).days)
    reasons = {
        "not_ordered_yet": STAGES.get(state) == "before",
        "overdue": (late or 0) > 14,
        "state_unknown": state == UNRECOGNISED,
        "quantity_unknown": vague,
        "no_destination": line["location_id"] is None,
    }
    reason = next((name for name, holds in reasons.items() if holds), None)
    return {
        "state": state, "open_quantity": None if vague else line["quantity_ordered"] - arrived,
        "quantity_booked": taken, "quantity_received": None if vague else arrived, "expected_at": expected,
        "overdue_days": late, "reason": reason, "counts_as": "neither" if reason else "on_order",
        "location_id": line["location_id"],
    }  # fmt: skip


@given(reports, receipts)
@settings(max_examples=200, deadline=None)
def test_open_lines_equal_a_plain_walk_through_reports_and_receipts(rows, booked):
    found = by_key(opened(rows, booked), ORDER_LINE)
    expected = looped(rows, booked)
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert {name: found[key][name] for name in values} == values


@given(reports, receipts, st.randoms())
@settings(max_examples=50, deadline=None)
def test_order_and_repeats_of_reports_change_no_cell(rows, booked, source):
    again = [*rows, *rows]
    source.shuffle(again)
    source.shuffle(booked)
    assert opened(rows, booked).equals(opened(again, booked))


def test_every_state_has_words_of_its_own_and_they_are_in_plain_form():
    words = [word for state in ORDER_STATES for word in state.words]
    assert len(words) == len(set(words))
    assert all(state.words for state in ORDER_STATES)
    assert all(SourceProfile().order_state(word.upper().replace(" ", "_")) == WORDS[word] for word in words)


def test_each_receipt_lowers_what_is_on_order_until_nothing_is_open():
    told = [report(0, order_status="confirmed")]
    assert opened(told)["open_quantity"].to_list() == [10]
    told.append(report(3, order_status="partly received", quantity_received=4))
    assert opened(told).select("state", "open_quantity", "counts_as").rows() == [("partly_received", 6, "on_order")]
    told.append(report(5, order_status="shipped"))
    assert opened(told)["open_quantity"].to_list() == [6], "what a report leaves out stays as last said"
    assert opened([*told, report(7, quantity_received=10)]).is_empty()
    assert opened([*told, report(7, order_status="delivered", quantity_received=8)]).is_empty(), "delivered short"


def test_a_receipt_of_the_warehouse_lowers_it_before_the_supplier_reports():
    booked = [{"record_type": "receipt", "order_id": "O1", "product_sku": "A", "location_id": "DC", "quantity": 7}]
    told = [report(0, order_status="shipped"), report(4, quantity_received=5)]
    assert opened(told, booked).select("quantity_received", "quantity_booked", "open_quantity").rows() == [(7, 7, 3)]


def test_cancelled_after_a_part_came_leaves_nothing_open_and_gives_its_receipts_to_no_other_line():
    other = report(0, line_number=2, order_status="confirmed")
    told = [
        report(0, order_status="confirmed"),
        report(3, order_status="partly received", quantity_received=4),
        report(5, order_status="cancelled"),
        other,
    ]
    booked = [{"record_type": "receipt", "order_id": "O1", "product_sku": "A", "location_id": "DC", "quantity": 4}]
    assert opened(told, booked).select("line_number", "open_quantity").rows() == [(2, 10)]


def test_receipts_of_an_order_number_two_suppliers_use_are_given_to_neither():
    booked = [{"record_type": "receipt", "order_id": "O1", "product_sku": "A", "location_id": "DC", "quantity": 4}]
    told = [report(0, order_status="sent"), report(0, supplier_id="V2", order_status="sent")]
    assert opened(told, booked)["open_quantity"].to_list() == [10, 10]


@pytest.mark.parametrize(("late", "counts", "reason"), [(0, "on_order", None), (14, "on_order", None),
                                                       (15, "neither", "overdue")])  # fmt: skip
def test_overdue_lines_count_up_to_the_limit_and_then_no_more(late, counts, reason):
    told = [report(0, order_status="confirmed", expected_delivery=START)]
    row = opened(told, today=START.date() + timedelta(days=late)).row(0, named=True)
    assert (row["overdue_days"], row["counts_as"], row["reason"]) == (late, counts, reason)


def test_without_a_promise_a_line_is_expected_after_the_mean_lead_time_of_its_supplier():
    told = [report(0, expected_delivery=None, ordered_at=START)]
    row = opened(told).row(0, named=True)
    assert (row["expected_at"], row["expected_from"]) == (START + timedelta(days=10.5), "lead_time")
    assert row["overdue_days"] == (TODAY - date(2026, 1, 11)).days
    row = opened([report(0, source_system="edi", expected_delivery=None, ordered_at=START)]).row(0, named=True)
    assert (row["expected_at"], row["expected_from"], row["overdue_days"]) == (None, "unknown", None)
    assert row["counts_as"] == "on_order", "nobody knows that it is late"


def test_coverage_says_which_locations_are_followed_and_flags_receipts_nobody_ordered():
    told = [report(0), report(0, source_system="edi", location_id="DC2", order_id="O2")]
    lines = current_lines(frame(silver.SUPPLIER_ORDERS, told).lazy()).collect()
    records = frame(
        silver.WAREHOUSE_UPDATES,
        [
            {"record_type": "receipt", "order_id": "O1", "product_sku": "A", "location_id": "DC", "quantity": 4},
            {"record_type": "receipt", "order_id": None, "product_sku": "A", "location_id": "DC", "quantity": 2},
            {"record_type": "receipt", "order_id": "O1", "product_sku": "B", "location_id": "DC", "quantity": 3},
            {"record_type": "transfer", "location_id": "DC", "from_location": "DC", "to_location": "S9", "quantity": 1},
            {"record_type": "level", "location_id": "S8"},
        ],
    )
    masters = frame(
        silver.LOCATIONS,
        [{"location_id": "S1", "source_system": "erp"}, {"location_id": "S2", "source_system": "edi"}],
    )
    found = check(coverage(lines, records.lazy(), masters, PROFILES, TODAY), gold.SUPPLY_COVERAGE)
    assert found.drop("processing_date").rows() == [
        ("DC", "named", 1, "one_step", 2, 5),
        ("DC2", "named", 1, None, 0, 0),
        ("S1", "declared", 0, None, 0, 0),
        ("S9", None, 0, "one_step", 0, 0),
    ]
    assuming = Profiles({**{name: PROFILES[name] for name in PROFILES}, "edi": SourceProfile(assume=NO_ORDERS)})
    found = check(coverage(lines, records.lazy(), masters, assuming, TODAY), gold.SUPPLY_COVERAGE)
    assert dict(found.select("location_id", "orders_followed").rows()) == {
        "DC": "named", "DC2": "named", "S1": "declared", "S2": "assumed", "S9": None,
    }  # fmt: skip


def test_nothing_reported_gives_empty_tables_of_the_right_form():
    lines = current_lines(empty(silver.SUPPLIER_ORDERS).lazy()).collect()
    nothing = empty(silver.WAREHOUSE_UPDATES).lazy()
    assert opened([]).is_empty()
    assert check(coverage(lines, nothing, empty(silver.LOCATIONS), PROFILES, TODAY), gold.SUPPLY_COVERAGE).is_empty()
