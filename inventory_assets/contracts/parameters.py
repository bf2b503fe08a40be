"""Parameters of replenishment as data: each name with its type, unit, limits and default, and whose word counts first.

A parameter is set for an item, a class ("A", "AX"), a supplier, or for everything, at one location or at all; a
promotion for an item, a category, a supplier, or everything. The
narrower scope decides, at equal scope the row for the location, then the later one. What they do to an order stands in
docs/replenishment.md. Invariant: no value is used that `parsed` refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from inventory_assets.contracts.model import Reach as _Reach
from inventory_assets.contracts.model import Table, day, instant, text

Kind = Literal["number", "whole", "share", "word", "days_of_week", "dates", "date", "campaign"]

SCOPES = ("item", "class", "category", "supplier", "default")
"""Scopes, the narrowest first; a category takes promotions and nothing else."""
MARKS = ("outlier_day", "demand_override")
"""Names that say something about demand instead of setting a rule, and whose worth is measured."""
PROMOTION = "promotion"
MANY = ("outlier_day", PROMOTION)
"""Names of which many hold at a time: they add up instead of overruling."""
PROMOTED_SCOPES = ("item", "category", "supplier", "default")
LONGEST_CAMPAIGN = 366
"""Days of a promotion at most: what lasts longer is the usual state."""
CANCELLED = "cancelled"
"""What a promotion is called whose days are taken back."""


class ParameterError(ValueError):
    """A parameter that does not exist, or a value it may not have."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Days of a promotion.

    Attributes:
        first: its first day.
        last: its last day.
        kind: what kind of promotion; those of one kind share their effect.
    """

    first: date
    last: date
    kind: str = PROMOTION


Value = float | int | str | tuple[int, ...] | tuple[date, ...] | date | Campaign


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: its name.
        kind: what its value is written as.
        unit: unit of measure.
        default: value where nobody set one; None where there is none.
        meaning: what it does, for people.
        least: smallest allowed number.
        most: largest allowed number.
        allowed: words it may be.
    """

    name: str
    kind: Kind
    unit: str
    default: Value | None
    meaning: str
    least: float | None = None
    most: float | None = None
    allowed: tuple[str, ...] = ()

    def parsed(self, given: str) -> Value:
        """The value a text stands for.

        Raises:
            ParameterError: the parameter may not have it.
        """
        try:
            value = _READ[self.kind](given.strip())
        except ValueError:
            raise ParameterError(f"{self.name}: {given!r} is no {_SAID[self.kind]}") from None
        if isinstance(value, float | int):
            low, high = self.least, self.most
            if (low is not None and value < low) or (high is not None and value > high) or value != value:  # noqa: PLR0124
                raise ParameterError(f"{self.name}: {given} lies outside {low} to {'any' if high is None else high}")
        if self.allowed and value not in self.allowed:
            raise ParameterError(f"{self.name}: {given!r} is none of {', '.join(self.allowed)}")
        return value


def _share(given: str) -> float:
    value = float(given)
    if not 0 < value < 1:
        raise ValueError
    return value


def _number(given: str) -> float:
    value = float(given)
    if value in (float("inf"), float("-inf")):
        raise ValueError
    return value


def _weekdays(given: str) -> tuple[int, ...]:
    found = tuple(sorted({int(each) for each in given.split(",")}))
    if not found or not set(found) <= set(range(1, 8)):
        raise ValueError
    return found


def _dates(given: str) -> tuple[date, ...]:
    return tuple(sorted({date.fromisoformat(each.strip()) for each in given.split(",") if each.strip()}))


def _campaign(given: str) -> Campaign:
    days, _, kind = given.lower().partition(" ")
    first, dots, last = days.partition("..")
    found = Campaign(date.fromisoformat(first), date.fromisoformat(last if dots else first), kind.strip() or PROMOTION)
    if not 0 <= (found.last - found.first).days < LONGEST_CAMPAIGN or _CAMPAIGN_KIND.fullmatch(found.kind) is None:
        raise ValueError
    return found


_CAMPAIGN_KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_READ = {
    "number": _number, "whole": int, "share": _share, "word": str.lower, "days_of_week": _weekdays, "dates": _dates,
    "date": date.fromisoformat, "campaign": _campaign,
}  # fmt: skip
_SAID = {
    "number": "number", "whole": "whole number", "share": "share between 0 and 1, both excluded", "word": "word",
    "days_of_week": "list of days of the week, 1 = Monday, as in 1,4", "dates": "list of dates, as in 2026-12-24",
    "date": "date, as in 2026-12-24",
    "campaign": "promotion, as in 2026-12-01..2026-12-07, with its kind behind the days if wanted: one small word",
}  # fmt: skip

_ALL: tuple[Parameter, ...] = (
    Parameter("rule", "word", "", "calculated", "How the order is found: calculated from demand and service; a fixed "
              "quantity whenever the position is at or below the reorder point; up to a period of cover.",
              allowed=("calculated", "fixed_quantity", "period_of_cover")),
    Parameter("service", "word", "", "fill_rate", "What the service target means: share of units delivered at once, "
              "or share of replenishment cycles without a stock-out.", allowed=("fill_rate", "cycle_service")),
    Parameter("service_target", "share", "", 0.95, "The wanted service."),
    Parameter("review_period", "whole", "days", 7, "Days between two looks at the item.", 1, 365),
    Parameter("lead_time", "number", "days", None, "Days from order to receipt, instead of what the supplier shows.",
              0, 730),
    Parameter("lead_time_sd", "number", "days", None, "Standard deviation of the lead time, likewise.", 0, 365),
    Parameter("fixed_cost", "number", "currency", 0.0, "What an order line costs, whatever its quantity; above 0 an "
              "order is at least the economic quantity.", 0),
    Parameter("holding_cost_rate", "number", "share of value a year", 0.25, "What keeping goods costs: capital, "
              "space, insurance, decay.", 0.001, 5),
    Parameter("unit_cost", "number", "currency", None, "Cost of a unit, instead of the item master's.", 0),
    Parameter("minimum_order", "whole", "units", 0, "Least units of an order line.", 0),
    Parameter("pack", "whole", "units", 1, "Units of a pack; orders are whole packs.", 1),
    Parameter("shelf_life", "number", "days", None, "Days a unit can be sold after it arrives.", 0.5),
    Parameter("maximum_stock", "whole", "units", None, "Most units of position after an order, instead of the item "
              "master's.", 0),
    Parameter("fixed_quantity", "whole", "units", None, "Units of an order under the rule fixed_quantity.", 1),
    Parameter("fixed_reorder_point", "number", "units", None, "Reorder point, instead of the calculated one.", 0),
    Parameter("cover", "number", "days", None, "Days an order lasts for under the rule period_of_cover.", 0.5, 730),
    Parameter("order_days", "days_of_week", "", None, "Days of the week on which the supplier takes orders."),
    Parameter("closed_days", "dates", "", None, "Days on which the supplier takes no orders."),
    Parameter("supplier_minimum", "number", "currency", None, "Least value of an order to the supplier.", 0),
    Parameter("budget", "number", "currency", None, "Most money for new orders to the supplier a day; the most urgent "
              "lines first.", 0),
    Parameter("transfer", "word", "", "yes", "Whether stock of our other locations is taken before anything is bought.",
              allowed=("yes", "no")),
    Parameter("transfer_time", "number", "days", 2.0, "Days from the decision to move goods to their arrival.", 0, 60),
    Parameter("keep_within", "number", "", 0.5, "A proposal of an earlier day stands while the quantity computed "
              "today differs by no more than this share of it or of a review period's demand, or one pack.", 0, 1),
    Parameter("count_interval_a", "whole", "days", 30, "Days between two counts of class A.", 1),
    Parameter("count_interval_b", "whole", "days", 90, "Days between two counts of class B.", 1),
    Parameter("count_interval_c", "whole", "days", 180, "Days between two counts of class C.", 1),
    Parameter("dead_after", "whole", "days", 180, "Days without a sale after which nothing is ordered.", 14, 3650),
    Parameter("overstock_cover", "number", "days", 120.0, "Days of cover above which stock is called excess.", 7),
    Parameter("demand_override", "number", "units a day", None, "Expected demand a day, instead of the forecast's.", 0),
    Parameter("outlier_day", "date", "", None, "A day whose demand says nothing about the future; may be set often."),
    Parameter(PROMOTION, "campaign", "", None, "Days of a promotion, past or to come, and its kind if wanted, as in "
              "2026-12-01..2026-12-07 feature; may be set often. The kind cancelled takes days back; without a value "
              "nothing is promoted from today on."),
)  # fmt: skip

PARAMETERS: dict[str, Parameter] = {each.name: each for each in _ALL}
"""Every parameter by its name."""

PLANNING_PARAMETERS = Table(
    "replenishment",
    "planning_parameters",
    "What people set for items, classes, suppliers or everything: a later row overrules an earlier one of the same "
    "name, scope and location until it ends. Appended, never rewritten, so it is its own audit.",
    "one setting",
    ("parameter_id",),
    (
        text("parameter_id", "Identity: hash of what was set, by whom, and when."),
        text("scope", "What it is set for.", allowed=SCOPES),
        text("scope_value", "The item, class, category or supplier; * for the scope default."),
        text("location_id", "Location it holds at; null: everywhere.", nullable=True),
        text("name", "Parameter, or a mark about demand.", allowed=tuple(PARAMETERS)),
        text("value", "Value as text; null: what was set before holds no more.", nullable=True),
        day("valid_until", "Last day it holds; null: until it is overruled.", nullable=True),
        text("author", "Who set it.", data_class="personal"),
        text("reason", "Why."),
        instant("set_at", "When."),
    ),
    cadence="whole",
    reach=_Reach(rule="appended, never rewritten"),
)


def parsed(name: str, value: str) -> Value:
    """The value of a parameter, by its name.

    Raises:
        ParameterError: there is no such parameter, or it may not have this value.
    """
    if name not in PARAMETERS:
        raise ParameterError(f"there is no parameter {name!r}; there are {', '.join(PARAMETERS)}")
    return PARAMETERS[name].parsed(value)
