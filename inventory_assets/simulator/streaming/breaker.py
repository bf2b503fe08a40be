"""Circuit breaker: a receiver that failed several times in a row is left in peace for a while, then asked once.

Pure: the time comes from the caller. Invariant: while it is half open, one attempt decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half_open"]


@dataclass(slots=True)
class CircuitBreaker:
    """Counts failures.

    Attributes:
        failures: failures in a row that open it.
        reset_seconds: how long it stays open.
        enabled: one that is not never opens.
    """

    failures: int
    reset_seconds: float
    enabled: bool = True
    in_a_row: int = 0
    opened: int = 0
    state: State = "closed"
    _until: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds to wait before the next attempt; when they are over it is half open.

        Args:
            now: seconds of a clock that never steps back.
        """
        if self.state != "open":
            return 0.0
        left = self._until - now
        if left <= 0:
            self.state = "half_open"
            return 0.0
        return left

    def succeeded(self) -> None:
        """The receiver answered."""
        self.in_a_row, self.state = 0, "closed"

    def failed(self, now: float) -> None:
        """The receiver did not, or said that it cannot."""
        self.in_a_row += 1
        if self.enabled and (self.state == "half_open" or self.in_a_row >= self.failures):
            self.state, self._until = "open", now + self.reset_seconds
            self.opened += 1
