"""Size and behaviour of a simulated history. Values only; what they do stands in the other modules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

RECEIPTS_A_YEAR = 900_000
"""Receipt numbers a store may use in a year; those above belong to injected faults."""


class SimulatorError(ValueError):
    """A configuration that cannot be simulated."""


@dataclass(frozen=True, slots=True)
class HistoryConfig:
    """What to simulate; the same values always give the same files.

    Attributes:
        start: first business day, at every location.
        days: business days.
        stores: shops; their time zones and file formats take turns.
        items: products.
        warehouses: warehouses that supply the shops.
        online: whether there is an online channel with stock of its own.
        lines_per_store_day: receipt lines a store sells in a day, in the mean.
        dirt: injected faults per clean row, 0 for none; every kind occurs at least once above 0 where a file has room.
        seed: seed of the only source of randomness.
        currency: ISO 4217 code of all prices.
        intermittent_share: share of items asked for on few days only.
        customer_share: share of receipts with a known customer.
        return_share: share of sold lines that come back later.
        cancellation_share: share of sold lines that are taken back within a day.
        given_away_share: share of lines handed out at price 0.
        shrinkage_rate: units a day that vanish unseen, per item and location.
        adjustment_rate: recorded corrections a day, per item and location.
        count_interval_days: days between two counts of an item at a location, in the mean.
        unknown_share: share of item × store pairs without an opening balance: their stock is unknown until counted.
        partial_share: share of order lines that arrive in two parts, days apart.
        wms_authority: whether the last warehouse's stock levels set its stock, instead of being compared only.
    """

    start: date
    days: int = 60
    stores: int = 6
    items: int = 120
    warehouses: int = 2
    online: bool = True
    lines_per_store_day: float = 190.0
    dirt: float = 0.01
    seed: int = 7
    currency: str = "USD"
    intermittent_share: float = 0.2
    customer_share: float = 0.6
    return_share: float = 0.02
    cancellation_share: float = 0.008
    given_away_share: float = 0.003
    shrinkage_rate: float = 0.01
    adjustment_rate: float = 0.01
    count_interval_days: int = 28
    unknown_share: float = 0.02
    partial_share: float = 0.0
    wms_authority: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            SimulatorError: a size below 1, a share outside 0 to 1, or a start before 2006.
        """
        small = [n for n in ("days", "stores", "items", "warehouses", "count_interval_days") if getattr(self, n) < 1]
        if small:
            raise SimulatorError(f"simulated history: {small} must be 1 or more")
        shares = (
            "intermittent_share",
            "customer_share",
            "return_share",
            "cancellation_share",
            "given_away_share",
            "unknown_share",
            "partial_share",
        )
        wrong = [n for n in shares if not 0 <= getattr(self, n) <= 1]
        if wrong:
            raise SimulatorError(f"simulated history: {wrong} must lie between 0 and 1")
        if not 0 <= self.dirt <= 0.2:  # noqa: PLR2004 - above a fifth, files would be refused as a whole
            raise SimulatorError("simulated history: dirt must lie between 0 and 0.2")
        if self.start.year < 2006:  # noqa: PLR2004 - masters are older than the start, and 2005 is the earliest day
            raise SimulatorError("simulated history: start must be 2006-01-01 or later")

    @classmethod
    def ending(cls, end: date, days: int = 60, **others: object) -> HistoryConfig:
        """A history in which everything has happened before 00:00 UTC of `end`."""
        return cls(start=end - timedelta(days=days + 1), days=days, **others)  # type: ignore[arg-type]

    @property
    def last_day(self) -> date:
        """Last business day."""
        return self.start + timedelta(days=self.days - 1)

    @property
    def end(self) -> datetime:
        """Instant by which the last business day is over everywhere and all its records were written."""
        return datetime.combine(self.start + timedelta(days=self.days + 1), time(), UTC)

    def day(self, index: int) -> date:
        """Business day number `index`, from 0."""
        return self.start + timedelta(days=index)
