"""Which parameters hold for an item at a location today, and how they are set: pure functions over the settings.

What the parameters are stands in `contracts.parameters`. Invariant: a setting that ended, or was taken back by a later
row, has no effect; the same request made twice is one row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from inventory_assets.contracts.parameters import (
    MANY,
    PARAMETERS,
    PLANNING_PARAMETERS,
    PROMOTED_SCOPES,
    PROMOTION,
    SCOPES,
    ParameterError,
    parsed,
)
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.replenishment.promotions import settings_of, told_days

PLACE = ("scope", "scope_value", "location_id", "name")
_SPLIT = {"number": pl.Float64, "share": pl.Float64, "whole": pl.Int64}


@dataclass(frozen=True, slots=True)
class Setting:
    """Something a person sets.

    Attributes:
        scope: item, class, category, supplier or default.
        scope_value: which one; * for the default.
        name: parameter.
        value: as text; None takes back what was set.
        author: who.
        reason: why.
        location_id: location it holds at; None: everywhere.
        valid_until: last day it holds; None: until overruled.
    """

    scope: str
    scope_value: str
    name: str
    value: str | None
    author: str
    reason: str
    location_id: str | None = None
    valid_until: date | None = None


def setting_row(setting: Setting, now: datetime, history: pl.DataFrame) -> pl.DataFrame:
    """The row a setting adds to the table; none where it is in force already as asked.

    Args:
        setting: what is wanted.
        now: the instant.
        history: rows of `replenishment/planning_parameters`.

    Raises:
        ParameterError: it cannot be set so; the message says what is wrong.
    """
    _check(setting, now.date())
    row = {
        "scope": setting.scope, "scope_value": setting.scope_value.strip(), "location_id": setting.location_id,
        "name": setting.name, "value": None if setting.value is None else setting.value.strip(),
        "valid_until": setting.valid_until, "author": setting.author.strip(), "reason": setting.reason.strip(),
        "set_at": now,
    }  # fmt: skip
    if _is_needless(row, history, now.date()):
        return empty(PLANNING_PARAMETERS)
    identity = hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()[:32]
    return pl.DataFrame([{"parameter_id": identity, **row}], schema=polars_schema(PLANNING_PARAMETERS))


def _check(setting: Setting, today: date) -> None:
    """Refuse what cannot be set."""
    if setting.scope not in SCOPES:
        raise ParameterError(f"scope {setting.scope!r} is none of {', '.join(SCOPES)}")
    if (setting.scope == "default") != (setting.scope_value == "*") or not setting.scope_value.strip():
        raise ParameterError("name the item, class, category or supplier; the scope default takes * and nothing else")
    if not setting.author.strip() or not setting.reason.strip():
        raise ParameterError("author and reason must say something")
    if setting.valid_until is not None and setting.valid_until < today:
        raise ParameterError(f"valid until {setting.valid_until}: that day is over")
    if setting.name not in PARAMETERS:
        parsed(setting.name, "")
    if setting.name == PROMOTION and (setting.scope not in PROMOTED_SCOPES or setting.valid_until is not None):
        raise ParameterError(f"a promotion is for {', '.join(PROMOTED_SCOPES)}, and its last day stands in its value")
    if setting.name != PROMOTION and setting.scope == "category":
        raise ParameterError(f"{setting.name}: a category takes promotions only; name its items, a class or a supplier")
    if setting.value is not None:
        parsed(setting.name, setting.value)


def _is_needless(row: Mapping[str, Any], history: pl.DataFrame, today: date) -> bool:
    """Whether a setting is in force already as asked, or takes back what was not set."""
    here = [pl.col(name).eq_missing(pl.lit(row[name])) for name in PLACE]
    if row["name"] == PROMOTION:
        before = settings_of(history.filter(here)).to_dicts()
        return told_days([*before, row]) == told_days(before)
    told = in_force(history, today).filter(here)
    same = told.filter(*(pl.col(name).eq_missing(pl.lit(row[name])) for name in ("value", "valid_until")))
    return same.height > 0 or (row["value"] is None and not told.height)


def in_force(history: pl.DataFrame, today: date) -> pl.DataFrame:
    """Settings that hold on a day, each the last of its place; of outlier days and promotions all of them.

    A later row ends an earlier one of the same place for good, also after it has ended itself.

    Args:
        history: rows of `replenishment/planning_parameters`.
        today: the day.
    """
    many = pl.col("name").is_in(MANY)
    ordered = history.sort("set_at", "parameter_id")
    single = ordered.filter(~many).unique(PLACE, keep="last", maintain_order=True)
    taken_back = ordered.filter(many, pl.col("value").is_null()).group_by(PLACE).agg(ended=pl.col("set_at").max())
    days = (
        ordered.filter(many, pl.col("value").is_not_null())
        .join(taken_back, on=PLACE, how="left", nulls_equal=True)
        .filter(pl.col("ended").is_null() | (pl.col("set_at") > pl.col("ended")))
        .drop("ended")
        .unique([*PLACE, "value"], keep="last", maintain_order=True)
    )
    holds = pl.col("value").is_not_null() & (pl.col("valid_until").is_null() | (pl.col("valid_until") >= today))
    return pl.concat([single, days]).filter(holds).sort("set_at", "parameter_id")


def resolved(pairs: pl.DataFrame, history: pl.DataFrame, today: date) -> pl.DataFrame:
    """Value of every parameter for every pair.

    Args:
        pairs: product_sku, location_id, supplier_id (nullable), abc, xyz.
        history: rows of `replenishment/planning_parameters`.
        today: the day.

    Returns:
        The pairs with a column a parameter (outlier days and promotions apart), in the order of the pairs, null where
        there is neither a setting nor a default; and `set_by`: the parameters somebody set, each with its scope.
    """
    current = in_force(history, today).filter(~pl.col("name").is_in(MANY))
    rows = pairs.with_columns(
        item=pl.col("product_sku"), wide=pl.col("abc"), narrow=pl.col("abc") + pl.col("xyz"), default=pl.lit("*")
    )
    levels = (("item", "item"), ("class", "narrow"), ("class", "wide"), ("supplier", "supplier_id"),
              ("default", "default"))  # fmt: skip
    told = []
    for name, parameter in PARAMETERS.items():
        if name in MANY:
            continue
        mine = current.filter(pl.col("name") == name)
        kind = _SPLIT.get(parameter.kind, pl.String)
        default = pl.lit(parameter.default, dtype=kind)
        if mine.is_empty():
            rows = rows.with_columns(default.alias(name))
            continue
        found, by = [], []
        for scope, column in levels:
            of_scope = mine.filter(pl.col("scope") == scope)
            for here in (True, False):
                rule = of_scope.filter(pl.col("location_id").is_not_null() == here)
                keys = ["scope_value", "location_id"] if here else ["scope_value"]
                label = f"{name}/{column}/{here}"
                rows = rows.join(
                    rule.select(*keys, pl.col("value").alias(label)), how="left", maintain_order="left",
                    left_on=[column, "location_id"] if here else [column], right_on=keys,
                )  # fmt: skip
                found.append(pl.col(label))
                where = pl.format("{}: {} {}{}", pl.lit(name), pl.lit(scope), pl.col(column),
                                  pl.format(" at {}", pl.col("location_id")) if here else pl.lit(""))  # fmt: skip
                by.append(pl.when(pl.col(label).is_not_null()).then(where))
        value = pl.coalesce(found).cast(kind)
        rows = rows.with_columns(pl.coalesce(value, default).alias(name), pl.coalesce(by).alias(f"by/{name}"))
        rows = rows.drop([each.meta.output_name() for each in found])
        told.append(f"by/{name}")
    set_by = pl.concat_str(told, separator="; ", ignore_nulls=True).replace("", None) if told else pl.lit(None)
    return rows.with_columns(set_by=set_by.cast(pl.String)).drop("item", "wide", "narrow", "default", *told)


def outlier_days(history: pl.DataFrame, today: date) -> pl.DataFrame:
    """Days people marked as outliers: product_sku, location_id (null: everywhere), day."""
    marks = in_force(history, today).filter(pl.col("name") == "outlier_day", pl.col("scope") == "item")
    return marks.select(
        product_sku="scope_value", location_id="location_id", day=pl.col("value").str.to_date("%Y-%m-%d")
    )
