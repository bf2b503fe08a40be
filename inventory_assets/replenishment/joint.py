"""Items ordered together: every order to a supplier has a cost of its own beside that of each line.

One way: an order goes out every base cycle, and item i is on every m_i-th of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.domain import FloatArray, checked, require


@dataclass(frozen=True, slots=True)
class JointOrders:
    """A joint rhythm for the items of each supplier.

    Attributes:
        suppliers: the suppliers, sorted, shape (suppliers,).
        base_cycle: periods between two orders to a supplier, shape (suppliers,).
        cost: money a period for ordering and holding, shape (suppliers,).
        multiple: an item is on every so many-th order of its supplier, shape (items,).
        quantity: units each time, shape (items,).
    """

    suppliers: NDArray[np.generic]
    base_cycle: FloatArray
    cost: FloatArray
    multiple: NDArray[np.int64]
    quantity: FloatArray


def joint_replenishment(
    supplier: ArrayLike,
    supplier_fixed_cost: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    demand_rate: ArrayLike,
) -> JointOrders:
    """Base cycle and multiples for every supplier, by Silver's heuristic.

    The item that wants to be ordered most often is on every order; the others are on every
    m_i = round(√(k_i/(h_i·d_i) · h_1·d_1/(K + k_1)))-th. Given the multiples the cycle is optimal; the multiples
    themselves need not be.

    Args:
        supplier: who delivers each item, any labels, shape (items,).
        supplier_fixed_cost: K, money an order to that supplier, 0 or more, equal within a supplier, shape (items,) or a
            number.
        fixed_cost: k, money a line of the order, 0 or more, shape (items,) or a number. K + k must be above 0 for the
            item ordered most often.
        holding_cost: h, money a unit and period, above 0, same shape.
        demand_rate: d, units a period, above 0, same shape.

    Returns:
        The rhythm of each supplier and the quantity of each item: multiple × cycle × demand rate.

    Raises:
        InvalidInput: outside these domains; `supplier_fixed_cost:too_high` where it differs within a supplier.

    Source: Silver (1976); Silver, Pyke & Thomas (2017), section 10.4.1; Snyder & Shen (2019), chapter 3.
    """
    labels = np.asarray(supplier)
    shared, line, holding, rate = (
        np.broadcast_to(each, labels.shape)
        for each in checked(
            supplier_fixed_cost=supplier_fixed_cost,
            fixed_cost=fixed_cost,
            holding_cost=holding_cost,
            demand_rate=demand_rate,
        )
    )
    require("demand_rate", "not_positive", rate > 0)
    suppliers, of = np.unique(labels, return_inverse=True)
    order = np.lexsort((np.arange(len(of)), line / (holding * rate), of))
    often = order[np.unique(of[order], return_index=True)[1]]  # of each supplier the item wanted most often
    require("supplier_fixed_cost", "too_high", shared == shared[often][of])
    require("fixed_cost", "not_positive", (shared + line)[often][of] > 0)
    pace = (holding * rate / np.where(shared + line > 0, shared + line, 1.0))[often][of]
    multiple = np.maximum(np.rint(np.sqrt(line / (holding * rate) * pace)), 1)
    multiple[often] = 1
    ordering = shared[often] + np.bincount(of, line / multiple)
    carrying = np.bincount(of, holding * multiple * rate)
    cycle = np.sqrt(2 * ordering / carrying)
    return JointOrders(
        suppliers=suppliers,
        base_cycle=cycle,
        cost=ordering / cycle + carrying * cycle / 2,
        multiple=multiple.astype(np.int64),
        quantity=multiple * cycle[of] * rate,
    )
