from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.events.wire import MAX_INTEGER, canonical, dumps, loads

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | numbers | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_what_is_written_is_read_back_digit_by_digit(value):
    text = dumps(value)
    assert loads(text) == value
    assert dumps(loads(text)) == text
    json.loads(text)
    assert canonical(loads(text)) == canonical(value)
    assert loads(canonical(value)) == value


def test_equal_values_have_one_canonical_text():
    one, two = loads('{"b":1.50,"a":[2.0,{"d":1,"c":0.0}]}'), loads('{"a":[2,{"c":0,"d":1e0}],"b":15e-1}')
    assert canonical(one) == canonical(two) == '{"a":[2,{"c":0,"d":1}],"b":1.5}'


def test_decimals_are_numbers_with_their_digits():
    assert dumps({"a": Decimal("12.3400"), "b": Decimal(5), "c": Decimal("1E+3")}) == '{"a":12.3400,"b":5.0,"c":1000.0}'
    assert loads("[1.10, 2, 3e2]") == [Decimal("1.10"), 2, Decimal("3e2")]
