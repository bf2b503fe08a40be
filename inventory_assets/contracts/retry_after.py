"""The header `Retry-After` (RFC 9110, section 10.2.3), as receivers answer it to webhooks and to the simulator."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

MOST_DIGITS = 9


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds a receiver asks to wait, as a number or a date; None where it says nothing readable.

    Args:
        value: the header; a number that is longer than any wait is read by its first digits.
        now: the time with its zone, for dates; one without a zone is taken to be in it.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:MOST_DIGITS])
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or now.tzinfo) - now).total_seconds())
