"""Version 1 of the updates and transactions: one item, the names of 000. Read for ever, sent by nobody new.

Each model has an upcaster to version 2 beside it: a function of data that fits version 1, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from inventory_assets.contracts.events.commands import TransactionType, UpdateType, Urgency
from inventory_assets.contracts.events.fields import (
    OPTIONAL_LOCATION,
    Code,
    Instant,
    Payload,
    PositiveUnits,
    Sku,
    Units,
)


def _as_000(name: str) -> Any:  # noqa: ANN401 - a pydantic field
    return Field(alias=name, description=f"`{name}` of 000.")


class _Spelt(Payload):
    """Only the spelling of 000 is read, so that an upcaster finds every member where it expects it."""

    model_config = ConfigDict(populate_by_name=False)


class InventoryUpdateV1(_Spelt):
    """`ItemNumber`, `Quantity`, `UpdateType`, `Timestamp`; the location may stand in the subject instead."""

    product_sku: Sku = Field(alias="ItemNumber", description="`ItemNumber` of 000.")
    location_id: Code | None = OPTIONAL_LOCATION
    quantity: Units = _as_000("Quantity")
    update_type: UpdateType = _as_000("UpdateType")
    timestamp: Instant | None = Field(default=None, alias="Timestamp", description="`Timestamp` of 000.")


class TransactionV1(_Spelt):
    """`TransactionID`, `Type`, `ItemNumber`, `Quantity`, `FromLocation`, `ToLocation`, `Priority`."""

    transaction_id: Code = _as_000("TransactionID")
    type: TransactionType = _as_000("Type")
    product_sku: Sku = Field(alias="ItemNumber", description="`ItemNumber` of 000.")
    quantity: PositiveUnits = _as_000("Quantity")
    from_location: Code | None = Field(default=None, alias="FromLocation", description="`FromLocation` of 000.")
    to_location: Code | None = Field(default=None, alias="ToLocation", description="`ToLocation` of 000.")
    priority: Urgency = Field(default="Normal", alias="Priority", description="`Priority` of 000.")

    @model_validator(mode="after")
    def _places(self) -> TransactionV1:
        if self.type != "Receipt" and self.from_location is None:
            raise ValueError(f"{self.type} needs FromLocation")
        if self.type != "Issue" and self.to_location is None:
            raise ValueError(f"{self.type} needs ToLocation")
        if self.type == "Transfer" and self.from_location == self.to_location:
            raise ValueError("a transfer needs two different locations")
        return self


def lift_inventory_update(data: Mapping[str, Any]) -> dict[str, Any]:
    """Version 2 of an inventory update of version 1; its own timestamp is when it happened."""
    return _renamed(
        data,
        {"ItemNumber": "product_sku", "Quantity": "quantity", "UpdateType": "update_type", "Timestamp": "happened_at"},
    )


def lift_transaction(data: Mapping[str, Any]) -> dict[str, Any]:
    """Version 2 of a transaction of version 1: its item becomes the only line."""
    renamed = _renamed(
        data,
        {
            "TransactionID": "transaction_id",
            "Type": "type",
            "FromLocation": "from_location",
            "ToLocation": "to_location",
            "Priority": "priority",
        },
    )
    line = {"product_sku": renamed.pop("ItemNumber"), "quantity": renamed.pop("Quantity")}
    return {**renamed, "lines": [line]}


def _renamed(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in data.items()}
