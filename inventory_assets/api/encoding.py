"""Answers as bytes: JSON with all digits of a decimal, whatever texts of a sender they repeat.

JSON can spell half of a surrogate pair, which is no character and has no UTF-8. Invariant: a value of texts, numbers,
lists and objects is always encoded; such a half leaves as U+FFFD.
"""

from __future__ import annotations

from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encoded(content: Any) -> bytes:  # noqa: ANN401
    """A value as JSON in UTF-8; decimals with all their digits, instants as RFC 3339."""
    try:
        return _ENCODER.encode(content)
    except UnicodeEncodeError:
        return _ENCODER.encode(_readable(content))


def _readable(content: Any) -> Any:  # noqa: ANN401
    if isinstance(content, str):
        return content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(content, dict):
        return {_readable(name): _readable(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_readable(each) for each in content]
    return content
