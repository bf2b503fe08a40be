"""Keeps services running: one that dies is started again after a growing pause, and given up when it keeps dying.

How a process is started and ended is `processes`; which services there are is `serving`. The supervisor has no thread:
whoever serves asks it to `look` every second or so. Invariant: after `stop` nothing runs that any of the services
began, those that died meanwhile included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from inventory_assets.operate.processes import Running, Service, ServiceEndedError, left_behind, start, stop, tail

STEADY_SECONDS = 30.0
"""A service that lived so long did start; its death is no sequel of the ones before."""
MOST_DEATHS = 5
"""Deaths in a row, none after a steady life, that are taken as proof that starting again does not help."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0


@dataclass(slots=True)
class _Kept:
    running: Running
    begun: float
    deaths: int = 0
    due: float | None = None


def pause_after(deaths: int) -> float:
    """Seconds to wait before a service is started again."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** (2 * (deaths - 1)), LONGEST_PAUSE_SECONDS)


def how_it_ended(code: int) -> str:
    """The exit code of a process in words; a negative one names the signal."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"


class Supervisor:
    """Starts services one by one, and starts again those that die."""

    def __init__(
        self, say: Callable[[str], None] = lambda line: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing runs yet.

        Args:
            say: told of every death, for the terminal; the log of the service is told as well.
            clock: seconds, never going back.
        """
        self._say, self._clock = say, clock
        self._kept: list[_Kept] = []
        self._left: set[psutil.Process] = set()

    @property
    def running(self) -> Sequence[Running]:
        """The services, as they were started last."""
        return [each.running for each in self._kept]

    def start(self, service: Service) -> None:
        """Start a further service."""
        self._kept.append(_Kept(start(service), self._clock()))

    def look(self) -> None:
        """Start again what died, if its pause is over.

        Raises:
            ServiceEndedError: a service keeps dying.
        """
        for each in self._kept:
            if each.due is None:
                self._note_death(each)
            if each.due is not None and self._clock() >= each.due:
                each.running, each.begun, each.due = start(each.running.service), self._clock(), None

    def stop(self, grace_seconds: float = 10.0) -> None:
        """End everything, see `processes.stop`; also what dead services left behind."""
        stop(self.running, grace_seconds, others=self._left)

    def _note_death(self, kept: _Kept) -> None:
        code = kept.running.process.poll()
        if code is None:
            return
        self._left = {process for process in self._left if process.is_running()} | left_behind(kept.running)
        service, now = kept.running.service, self._clock()
        kept.deaths = 1 if now - kept.begun >= STEADY_SECONDS else kept.deaths + 1
        what = f"{service.name} {how_it_ended(code)}"
        if kept.deaths >= MOST_DEATHS:
            raise ServiceEndedError(
                f"{what}, the {kept.deaths}th time in a row, and is not started again; mend what the end of "
                f"{service.log} says, then start the demo again:\n{tail(service.log)}"
            )
        pause = pause_after(kept.deaths)
        kept.due = now + pause
        line = f"{what} after {now - kept.begun:.0f} s; it is started again in {pause:g} s"
        with service.log.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} +0000 - supervisor - {line}\n")
        self._say(f"{line}; its log: {service.log}")
