"""JSON as the log keeps it: numbers exact, nothing in it that PostgreSQL's jsonb or a Delta table cannot hold.

Whole numbers are int, all others Decimal, so that money survives digit by digit. Not here: what the values mean.
Invariant: `loads(dumps(value)) == value` for everything `loads` returns, and `canonical` of both is the same text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring_ascii
from typing import NoReturn

from inventory_assets.contracts.events.problems import Refused

MAX_NUMBER_CHARACTERS = 40
MAX_EXPONENT = 60
"""Magnitude of a number that is not whole: 10 to this power at most, and at least its inverse."""
MAX_INTEGER = 2**63 - 1

"""Made once: making one takes longer than encoding a small event."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def loads(body: bytes | str) -> object:
    """The value of a JSON text.

    Raises:
        Refused: `body_unreadable` (no JSON, not UTF-8, a member named twice, NaN), `too_deep` (deeper than the parser
            can follow) or `number_out_of_range`.
    """
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
        return json.loads(
            text,
            parse_float=_real,
            parse_int=_whole,
            parse_constant=_no_number,
            object_pairs_hook=_members,
        )
    except UnicodeDecodeError as error:
        raise Refused("body_unreadable", f"the body is not UTF-8: byte {error.start} cannot be read") from error
    except json.JSONDecodeError as error:
        raise Refused(
            "body_unreadable", f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise Refused("too_deep", "the body nests deeper than any event may") from error


def dumps(value: object) -> str:
    """The value as compact JSON text in ASCII; Decimals as numbers with all their digits.

    Raises:
        TypeError: the value holds something `loads` never returns.
    """
    try:
        return _plainly(value)
    except TypeError:
        return "".join(_encode(value))


def canonical(value: object) -> str:
    """The value as text that is the same for equal values: members sorted, numbers without idle zeros."""
    try:
        return _sorted(value)
    except TypeError:
        return dumps(_plain(value))


def texts(value: object) -> tuple[str, str]:
    """The value as compact text and as canonical one: the same text unless a number is not whole."""
    try:
        text = _sorted(value)
    except TypeError:
        return dumps(value), canonical(value)
    return text, text


def may_hold_unstorable(body: bytes) -> bool:
    """Whether a body can hold text that no table keeps: only an escape can name it."""
    return b"\\u" in body


def check_storable(value: object, path: str, max_depth: int, *, texts: bool) -> None:
    """Refuse a value that nests too deep or holds text no table can keep (NUL, half a surrogate pair).

    Args:
        value: as `loads` returns it.
        path: JSON pointer of the value, for the message.
        max_depth: levels of objects and lists allowed below and including it.
        texts: whether texts are looked at.

    Raises:
        Refused: `too_deep` or `text_unstorable`, with the pointer.
    """
    if texts or not _fits(value, max_depth):
        _find_unstorable(value, path, max_depth)


def _fits(value: object, levels: int) -> bool:
    """Whether a value nests no deeper; the quick look, without saying where."""
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return True
    if levels <= 0:
        return False
    for each in inner:
        if (each.__class__ is dict or each.__class__ is list) and not _fits(each, levels - 1):
            return False
    return True


def _find_unstorable(value: object, path: str, max_depth: int) -> None:
    waiting: list[tuple[object, str, int]] = [(value, path, 0)]
    while waiting:
        found, where, depth = waiting.pop()
        if isinstance(found, str):
            _check_text(found, where)
        elif isinstance(found, dict | list):
            if depth >= max_depth:
                raise Refused("too_deep", f"more than {max_depth} levels of objects and lists", where)
            if isinstance(found, dict):
                for name, member in found.items():
                    _check_text(name, where)
                    waiting.append((member, f"{where}/{escape(name)}", depth + 1))
            else:
                waiting.extend((member, f"{where}/{index}", depth + 1) for index, member in enumerate(found))


def escape(name: str | int) -> str:
    """A member's name as one step of a JSON pointer (RFC 6901)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def _encoder(*, sort: bool) -> Callable[[object], str]:
    """An encoder made once; `json.dumps` makes one for each value. Both raise TypeError for a Decimal."""
    encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False, sort_keys=sort, check_circular=False)
    make = getattr(json.encoder, "c_make_encoder", None)  # CPython's; `json` itself uses it the same way
    if make is None:
        return encoder.encode
    encode = make(None, encoder.default, encode_basestring_ascii, None, ":", ",", sort, False, False)
    return lambda value: "".join(encode(value, 0))


_plainly, _sorted = _encoder(sort=False), _encoder(sort=True)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    return value


def _check_text(text: str, where: str) -> None:
    if _UNSTORABLE.search(text):
        raise Refused("text_unstorable", "a text holds NUL or half of a surrogate pair", where)


def _whole(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS or not -MAX_INTEGER <= int(text) <= MAX_INTEGER:
        raise Refused("number_out_of_range", f"{text[:MAX_NUMBER_CHARACTERS]} does not fit into 64 bits")
    return int(text)


def _real(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= MAX_NUMBER_CHARACTERS else None
    except InvalidOperation:
        number = None
    if number is None or abs(number.adjusted()) > MAX_EXPONENT:
        raise Refused("number_out_of_range", f"{text[:MAX_NUMBER_CHARACTERS]} has too many digits or is too large")
    return number


def _no_number(text: str) -> NoReturn:
    raise Refused("body_unreadable", f"the body is not JSON: {text} is no number")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise Refused("body_unreadable", f"the member {doubled[:64]!r} stands twice in one object")
    return members


def _encode(value: object) -> list[str]:
    if isinstance(value, Decimal):
        return [f"{value:f}" if "." in f"{value:f}" else f"{value:f}.0"]
    if isinstance(value, dict):
        parts = [f"{encode_basestring_ascii(name)}:{''.join(_encode(member))}" for name, member in value.items()]
        return ["{", ",".join(parts), "}"]
    if isinstance(value, list):
        return ["[", ",".join("".join(_encode(member)) for member in value), "]"]
    return [json.dumps(value, allow_nan=False)]
