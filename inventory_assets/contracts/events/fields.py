"""The types of single fields in payloads: whole base units, exact money, aware instants, bounded codes and texts.

Strict: a text is no number, true is not 1, half a unit is an error. Lenient only where JSON itself cannot tell: 5.0 is
the whole number 5, a numeric code (004 numbers its stores) is the text of it. A member nobody declared stays in the
log and is reported (`Payload.unknown_members`), as additive drift of files is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema

MAX_UNITS = 10_000_000
"""Largest number of units in one line, as in the tables of silver."""
MAX_LINES = 1000
"""Most lines of one event."""

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_NUMBER = re.compile(r"-?\d{1,14}(\.\d{1,4})?", re.ASCII)


def instant(value: object) -> object:
    """An RFC 3339 instant as UTC in microseconds (finer digits are cut); anything else as it is, for pydantic.

    Raises:
        ValueError: a text that is no instant with an offset.
    """
    if isinstance(value, str):
        if not _RFC_3339.fullmatch(value):
            raise ValueError("an instant looks like 2024-01-15T10:30:00Z: date, time, and Z or an offset")
        value = datetime.fromisoformat(value.upper())
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant needs Z or an offset")
        try:
            return value if value.tzinfo is UTC else value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("the instant lies outside the years 1 to 9999") from error
    return value


def _whole(value: object) -> object:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _amount(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    return value


def _code(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _currency(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


_CODE = r"^[^\x00-\x1f\x7f]+$"

Instant = Annotated[
    datetime, BeforeValidator(instant), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
Units = Annotated[int, Field(ge=0, le=MAX_UNITS), BeforeValidator(_whole)]
PositiveUnits = Annotated[int, Field(ge=1, le=MAX_UNITS), BeforeValidator(_whole)]
SignedUnits = Annotated[int, Field(ge=-MAX_UNITS, le=MAX_UNITS), BeforeValidator(_whole)]
Number = Annotated[int, Field(ge=0, le=2**53), BeforeValidator(_whole)]
"""A count of something other than units, or a position."""
Seconds = Annotated[int, Field(ge=1, le=31_536_000), BeforeValidator(_whole)]
"""A duration of a second to a year."""
Measure = Annotated[
    Decimal, Field(max_digits=18, decimal_places=6), BeforeValidator(_amount), WithJsonSchema({"type": "number"})
]
"""What an instrument read."""

_MONEY = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d{1,14}(\.\d{1,4})?$"}]}
Money = Annotated[
    Decimal,
    Field(max_digits=18, decimal_places=4, ge=0),
    BeforeValidator(_amount),
    WithJsonSchema({**_MONEY, "minimum": 0}, mode="validation"),
]
"""An amount of 0 or more: a number, or text where the sender's numbers are binary."""
SignedMoney = Annotated[
    Decimal,
    Field(max_digits=18, decimal_places=4),
    BeforeValidator(_amount),
    WithJsonSchema(_MONEY, mode="validation"),
]
Currency = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    BeforeValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}, mode="validation"),
]

_CODE_SCHEMA = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 64}, {"type": "integer"}]}
Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_CODE),
    BeforeValidator(_code),
    WithJsonSchema(_CODE_SCHEMA, mode="validation"),
]
"""An identifier of some system: receipt, order, device, customer."""
Sku = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_upper=True, min_length=1, max_length=64, pattern=_CODE),
    BeforeValidator(_code),
    WithJsonSchema(_CODE_SCHEMA, mode="validation"),
]
"""An item's code, trimmed and upper case as in silver."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]
"""Words for people."""
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
"""A short name or status of some system."""

ITEM = Field(
    validation_alias=AliasChoices("product_sku", "product_id", "productSku", "ItemNumber", "itemNumber"),
    description="Item.",
)
PLACE_NAMES = ("location_id", "store_id", "storeId", "warehouse_id", "dc_id", "LocationId")
"""Names under which senders give a location."""
LOCATION = Field(validation_alias=AliasChoices(*PLACE_NAMES), description="Location with the stock.")
OPTIONAL_LOCATION = Field(
    default=None, validation_alias=AliasChoices(*PLACE_NAMES), description="Location, where there is one."
)


class Payload(BaseModel):
    """Base of all payloads: strict, unchangeable; members it does not declare are kept and named."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", populate_by_name=True)

    @property
    def unknown_members(self) -> tuple[str, ...]:
        """Names of members the type does not declare: additive drift of the sender."""
        return tuple(sorted(self.model_extra or ()))


class Line(Payload):
    """Units of one item."""

    product_sku: Sku = ITEM
    quantity: PositiveUnits = Field(description="Base units.")


Lines = Annotated[list[Line], Field(min_length=1, max_length=MAX_LINES)]
