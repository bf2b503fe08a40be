from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.events.problems import Refused
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


TOKENS = (
    r'{ } [ ] , : " "a" "a": "b": "\":" ":" \ud800 -0 1.5 1e5 1e99 9223372036854775807 null NaN'
)
SCALARS = r'"a" "\":" "\ud83d\ude00" "\udc00" 1 -0 2.50 9223372036854775808'
tokens = st.sampled_from([*TOKENS.split(), '"a" :1', " ", "é", "\n", "\x7f", "\ufeff"])
scalars = st.sampled_from([*SCALARS.split(), '": "'])
gap = st.sampled_from(["", "", " ", "\n"])
objects = st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"a\\":"']), gap, scalars), max_size=5).map(
    lambda members: "{" + ",".join(f"{name}{space}:{value}" for name, space, value in members) + "}"
)


bodies = st.one_of(objects, st.lists(objects, max_size=3).map(lambda each: f"[{','.join(each)}]"))


@settings(max_examples=300, deadline=None)
@given(bodies | st.lists(tokens).map("".join))
@example("[" * 100_000)
@example('{"a":1,"a" :2}')
@example('{"a":"\\":","a":1}')
def test_a_body_is_read_as_strictly_as_its_text(text):
    def told(body):
        try:
            return repr(loads(body))
        except Refused as refused:
            return refused.problem

    assert told(text.encode()) == told(text)
