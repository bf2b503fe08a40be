from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.contracts.events.envelope import NAMESPACE, derived_id


@given(st.text(), st.text(), st.one_of(st.integers(), st.text()))
def test_a_derived_id_is_the_uuid5_of_the_event_and_the_ordinal(source, event_id, ordinal):
    try:
        expected = str(uuid.uuid5(NAMESPACE, f"{source}\n{event_id}\n{ordinal}"))
    except UnicodeEncodeError:
        return
    assert derived_id((source, event_id), ordinal) == expected
