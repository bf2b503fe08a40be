"""Lead times of USAID SCMS: half of the deliveries are what a planner knows, the other half is what happens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

FILE = Path("scms_lead_times") / "deliveries_to_2012.parquet"
FORMATS = ("%m/%d/%y", "%d-%b-%y")


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """Whole days, at least 1.

    Attributes:
        known: of the deliveries a planner has seen.
        coming: of those orders are drawn from.
    """

    known: NDArray[np.int64]
    coming: NDArray[np.int64]

    def deviation(self, review_period: int) -> float:
        """Deviation of the known ones that counts where orders are drawn each on its own, so that they may overtake.

        Not received are then the orders younger than their own lead times: of one placed a days ago with the chance
        p(a) = P(L > a). Units under way vary by Σ p·(1 − p) of the orders, which is R·E|L − L′|/2, and not by the
        variance of one lead time, unless hardly two orders are under way.

        Args:
            review_period: R, days between two orders.

        Source: Robinson, Bradley & Thomas (2001), order crossover; ∫ F·(1 − F) is half of Gini's mean difference.
        """
        days = np.sort(self.known.astype(np.float64))
        ranks = 2 * np.arange(1, days.size + 1) - days.size - 1
        difference = 2 * (ranks * days).sum() / days.size**2
        return float(np.sqrt(min(days.var(ddof=1), review_period * difference / 2)))


def scms_lead_times(folder: Path, mean: float | None = None) -> LeadTimes:
    """Days from order to delivery of the lines shipped directly, every other one known.

    Args:
        folder: of the public data sets.
        mean: scale them to this mean, so that only the shape is that of SCMS; None leaves them as they are.
    """

    def day(name: str) -> pl.Expr:
        return pl.coalesce(pl.col(name).str.strptime(pl.Date, each, strict=False) for each in FORMATS)

    days = (
        pl.read_parquet(folder / FILE)
        .filter(pl.col("Fulfill Via") == "Direct Drop")
        .sort(pl.col("ID").cast(pl.Int64))
        .select(days=(day("Delivered to Client Date") - day("PO Sent to Vendor Date")).dt.total_days())
        .filter(pl.col("days") > 0)["days"]
        .to_numpy()
    )
    whole = np.maximum(np.round(days * (1 if mean is None else mean / days.mean())), 1).astype(np.int64)
    return LeadTimes(whole[::2], whole[1::2])
