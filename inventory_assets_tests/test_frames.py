"""The helper that makes test rows keeps the contract of every declared table."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.schemas import check, duplicated_keys
from inventory_assets.contracts.tables import TABLES
from inventory_assets_tests.frames import frames, random_frame


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(sorted(TABLES)))
def test_random_frames_keep_every_contract(data, path):
    frame = check(data.draw(frames(TABLES[path])), TABLES[path])
    assert duplicated_keys(frame, TABLES[path]).is_empty()


def test_same_seed_same_frame():
    table = TABLES["silver/returns"]
    assert random_frame(table, 7).equals(random_frame(table, 7))
    assert not random_frame(table, 7).equals(random_frame(table, 8))
