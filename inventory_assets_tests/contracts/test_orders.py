"""The page about orders names every state, word and reason there is."""

from __future__ import annotations

from pathlib import Path

from inventory_assets.contracts.orders import NOT_COUNTED, OPEN_STATES, ORDER_STATES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "orders.md"
STAGES = {"before": "not ordered yet", "ordered": "ordered", "over": "over"}


def rows() -> dict[str, list[str]]:
    cells = [line.strip("|").split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in cells}


def test_the_page_lists_states_with_their_stage_and_words():
    table = rows()
    for state in ORDER_STATES:
        stage, words = table[state.name]
        assert stage == STAGES[state.stage]
        assert words.split(";")[0] == ", ".join(state.words)
    assert set(OPEN_STATES) <= set(table)


def test_the_page_lists_the_reasons_in_the_order_in_which_they_decide():
    assert [name for name in rows() if name in NOT_COUNTED] == list(NOT_COUNTED)
