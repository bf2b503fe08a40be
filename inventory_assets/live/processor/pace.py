"""How many parts the next micro-batch takes: as many as fit into its time, fewer after one that failed.

Pure. A batch in which an event cannot be stored is rolled back and halved until that event is alone; afterwards the
size doubles again. Time alone never makes it smaller than `FIRST`: below it a transaction takes what it takes.
Invariant: the size lies between 1 and the most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST = 50


@dataclass(frozen=True, slots=True)
class Pace:
    """Size of the next batch.

    Attributes:
        most: parts at most.
        target_seconds: how long a transaction may take.
        size: parts of the next one.
    """

    most: int
    target_seconds: float
    size: int = FIRST

    def after(self, parts: int, seconds: float) -> Pace:
        """The pace after a batch that was committed.

        Args:
            parts: parts it had.
            seconds: how long its transaction took.
        """
        if seconds > self.target_seconds and parts > FIRST:
            fits = int(parts * self.target_seconds / seconds)
            return self._sized(max(fits, parts // 2, FIRST))
        if parts < self.size:
            return self
        if self.size < FIRST:
            return self._sized(min(FIRST, self.size * 2))
        room = self.target_seconds / max(seconds, 1e-6)
        return self._sized(int(self.size * min(2.0, max(1.0, 0.9 * room))))

    def after_failure(self, parts: int) -> Pace:
        """The pace after a batch that was rolled back because of what was in it."""
        return self._sized(min(parts, self.size) // 2)

    def _sized(self, size: int) -> Pace:
        return replace(self, size=max(1, min(self.most, size)))
