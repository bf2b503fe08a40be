"""What the numbers of this room may be, and what happens where they are not.

Every parameter name means the same thing in all modules, so its domain stands once, in `DOMAINS`. Functions call
`checked`, which raises `InvalidInput` for the whole call; `by_row` turns that into nulls with reasons for the rows
concerned and computes the others. What is not here: formulas.

Invariant: no formula of this room returns a number for a row with a value outside its domain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

Rule = Literal[
    "missing",
    "infinite",
    "negative",
    "not_positive",
    "not_between_0_and_1",
    "not_whole",
    "not_increasing",
    "too_few",
    "too_low",
    "too_high",
]
"""Every way in which a value can be wrong; a reason is `<parameter>:<rule>`."""

WORDS: dict[Rule, str] = {
    "missing": "be a number, not nan",
    "infinite": "be finite",
    "negative": "be 0 or more",
    "not_positive": "be above 0",
    "not_between_0_and_1": "lie between 0 and 1, both excluded",
    "not_whole": "be whole numbers",
    "not_increasing": "start at 0 and increase",
    "too_few": "have more observations",
    "too_low": "be higher beside the other parameters",
    "too_high": "be lower beside the other parameters",
}

Domain = Literal["any", "not_negative", "positive", "share"]

DOMAINS: dict[str, Domain] = {
    "backordered": "not_negative",
    "bound": "not_negative",
    "correlation": "any",
    "customer_wait": "not_negative",
    "cycle_service": "share",
    "day_demand": "not_negative",
    "demand": "not_negative",
    "demand_mean": "not_negative",
    "demand_rate": "not_negative",
    "demand_sd": "not_negative",
    "discount_factor": "positive",
    "fill_rate": "share",
    "fixed_cost": "not_negative",
    "holding_cost": "positive",
    "holding_cost_rate": "positive",
    "lead_time": "not_negative",
    "lead_time_sd": "not_negative",
    "level": "any",
    "minimum_order": "not_negative",
    "mu": "any",
    "next_purchase_cost": "not_negative",
    "order_quantity": "positive",
    "order_up_to": "any",
    "overage_cost": "positive",
    "pack": "positive",
    "position": "any",
    "price": "positive",
    "probabilities": "not_negative",
    "production_rate": "positive",
    "purchase_cost": "not_negative",
    "quantity_from": "not_negative",
    "ready_rate": "share",
    "reorder_point": "any",
    "review_period": "positive",
    "salvage_value": "any",
    "sigma": "positive",
    "smoothing": "share",
    "stockout_cost": "positive",
    "supplier_fixed_cost": "not_negative",
    "underage_cost": "positive",
    "unit_cost": "positive",
    "usage_value": "not_negative",
    "values": "not_negative",
    "wanted": "any",
}
"""What each parameter may be; `share` lies between 0 and 1, both excluded. None of them may be nan or infinite."""


class InvalidInput(ValueError):  # noqa: N818 - read as what it is: invalid input
    """A parameter lies outside its domain.

    Attributes:
        parameter: its name.
        rule: what is wrong.
        rows: which elements, as a mask of the shape of the parameters it was checked with.
    """

    def __init__(self, parameter: str, rule: Rule, rows: ArrayLike) -> None:
        """Compose the message from the rows concerned."""
        self.parameter, self.rule, self.rows = parameter, rule, np.asarray(rows, dtype=bool)
        bad, first = int(self.rows.sum()), int(np.argmax(self.rows))
        super().__init__(
            f"{parameter} must {WORDS[rule]}: {bad} of {self.rows.size} values are not so, the first at {first}. "
            "Correct them, or call replenishment.domain.by_row to get nan and the reason for these rows."
        )

    @property
    def reason(self) -> str:
        """The reason code: parameter and rule."""
        return f"{self.parameter}:{self.rule}"


def require(parameter: str, rule: Rule, good: ArrayLike) -> None:
    """Raise `InvalidInput` unless all elements are good.

    Args:
        parameter: name to blame.
        rule: what is wrong with the elements that are not good.
        good: mask of the elements that are right.
    """
    mask = np.asarray(good, dtype=bool)
    if not mask.all():
        raise InvalidInput(parameter, rule, ~mask)


def checked(**values: ArrayLike) -> tuple[FloatArray, ...]:
    """The values as float arrays of one shape, each inside its domain.

    Args:
        values: parameters by the names of `DOMAINS`, broadcastable against each other.

    Returns:
        Arrays in the order of the arguments.

    Raises:
        InvalidInput: for the first parameter and rule that is broken.
        KeyError: for a name `DOMAINS` does not know.
    """
    arrays = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in values.values()))
    for name, array in zip(values, arrays, strict=True):
        domain = DOMAINS[name]
        require(name, "missing", ~np.isnan(array))
        require(name, "infinite", np.isfinite(array))
        if domain == "not_negative":
            require(name, "negative", array >= 0)
        elif domain == "positive":
            require(name, "not_positive", array > 0)
        elif domain == "share":
            require(name, "not_between_0_and_1", (array > 0) & (array < 1))
    return tuple(arrays)


def whole(parameter: str, values: FloatArray) -> FloatArray:
    """The values, after a check that they are whole numbers.

    Raises:
        InvalidInput: where one is not.
    """
    require(parameter, "not_whole", values == np.floor(values))
    return values


@dataclass(frozen=True, slots=True)
class ByRow:
    """Results of a function for the rows it could be computed for.

    Attributes:
        result: what the function returns, with nan (false, in masks) at the other rows.
        reasons: shape (rows,): the reason code of each row without result, else an empty string.
    """

    result: Any
    reasons: NDArray[np.str_]


def by_row(function: Callable[..., Any], **parameters: ArrayLike) -> ByRow:
    """Compute a function for the rows with good input; the others get nan and the reason.

    Args:
        function: a function of this room, or one composed of them, that returns an array or a dataclass of arrays, one
            element a row.
        parameters: its arguments. Row is the first axis; numbers hold for all rows.

    Returns:
        The results in the order of the rows. If no row is good, `result` is an array of nan.
    """
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in parameters.items()}
    rows = max((len(each) for each in arrays.values() if each.ndim), default=1)
    full = {
        name: np.broadcast_to(each, (rows,) if each.ndim == 0 else (rows, *each.shape[1:]))
        for name, each in arrays.items()
    }
    reasons = np.full(rows, "", dtype="<U64")
    left = np.arange(rows)
    while left.size:
        try:
            found = function(**{name: each[left] for name, each in full.items()})
        except InvalidInput as bad:
            if bad.rows.ndim == 0 or len(bad.rows) != len(left):
                raise  # about a constant inside the function: no row is to blame
            wrong = bad.rows.reshape(len(left), -1).any(axis=1)
            reasons[left[wrong]] = bad.reason
            left = left[~wrong]
        else:
            return ByRow(_spread(found, left, rows), reasons)
    return ByRow(np.full(rows, np.nan), reasons)


def _spread(found: Any, left: NDArray[np.intp], rows: int) -> Any:  # noqa: ANN401 - whatever the function returns
    """A result with its rows at their places; dataclasses field by field."""
    if is_dataclass(found) and not isinstance(found, type):
        return type(found)(**{each.name: _spread(getattr(found, each.name), left, rows) for each in fields(found)})
    if isinstance(found, dict):
        return {name: _spread(each, left, rows) for name, each in found.items()}
    array = np.asarray(found)
    if array.dtype == bool:
        spread = np.zeros((rows, *array.shape[1:]), dtype=bool)
    elif array.dtype.kind in "US":
        spread = np.full((rows, *array.shape[1:]), "", dtype=array.dtype)
    else:
        spread = np.full((rows, *array.shape[1:]), np.nan)
    spread[left] = array
    return spread
