"""Keeps services running: one that dies is started again after a growing pause; one that never lived is given up.

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
"""Deaths in a row that are taken as proof that a service cannot live here; one that did live waits for what it lacks
now (a database, room on the disk) however long that takes."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0


@dataclass(slots=True)
class _Kept:
    running: Running
    begun: float
    deaths: int = 0
    due: float | None = None
    lived: bool = False


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
            ServiceEndedError: a service dies again and again and never lived.
        """
        for each in self._kept:
            if each.due is None:
                self._note_death(each)
            if each.due is not None and self._clock() >= each.due:
                self._start_again(each)

    def stop(self, grace_seconds: float = 10.0) -> None:
        """End everything, see `processes.stop`; also what dead services left behind."""
        stop(self.running, grace_seconds, others=self._left)

    def _start_again(self, kept: _Kept) -> None:
        try:
            kept.running, kept.begun, kept.due = start(kept.running.service), self._clock(), None
        except OSError as error:  # no room for its log, no process left
            pause = self._due_again(kept)
            self._say(f"{kept.running.service.name} cannot be started, next try in {pause:g} s: {error}")

    def _due_again(self, kept: _Kept) -> float:
        kept.deaths += 1
        pause = pause_after(kept.deaths)
        kept.due = self._clock() + pause
        return pause

    def _note_death(self, kept: _Kept) -> None:
        code = kept.running.process.poll()
        if code is None:
            return
        self._left = {process for process in self._left if process.is_running()} | left_behind(kept.running)
        service, lived = kept.running.service, self._clock() - kept.begun
        if lived >= STEADY_SECONDS:
            kept.deaths, kept.lived = 0, True
        pause = self._due_again(kept)
        what = f"{service.name} {how_it_ended(code)}"
        if kept.deaths >= MOST_DEATHS and not kept.lived:
            raise ServiceEndedError(
                f"{what}, the {kept.deaths}th time in a row, and is not started again; mend what the end of "
                f"{service.log} says, then start the demo again:\n{tail(service.log)}"
            )
        line = f"{what} after {lived:.0f} s; it is started again in {pause:g} s"
        told = f"its log: {service.log}"
        try:
            with service.log.open("a", encoding="utf-8") as log:
                log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} +0000 - supervisor - {line}\n")
        except OSError as error:
            told = f"its log cannot be written: {error}"
        self._say(f"{line}; {told}")
