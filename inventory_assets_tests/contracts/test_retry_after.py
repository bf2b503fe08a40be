from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inventory_assets.contracts.retry_after import retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("9" * 400, 999_999_999),
        ("Thu, 01 Jan 2026 00:00:09 GMT", 9),
        ("Thu, 01 Jan 2026 00:00:09 -0000", 9),
        ("Wed, 31 Dec 2025 00:00:09 GMT", 0),
        ("Mon, 1 Jan 99999999999 00:00:00 GMT", None),
        ("soon", None),
        ("-1", None),
        ("", None),
        (None, None),
    ],
)
def test_it_is_read_as_seconds_or_a_date_and_never_an_error(header, seconds):
    assert retry_after(header, NOW) == seconds
