"""Wait until everything in the landing folder has come through to the DuckDB file, or say why it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inventory_assets.operate.processes import Running, tail
from inventory_assets.operate.progress import Progress


class StalledError(RuntimeError):
    """Nothing moved for too long; the message says where it stands and shows the ends of the logs."""


def wait_until_done(
    look: Callable[[], Progress],
    running: Callable[[], Sequence[Running]],
    *,
    report: Callable[[Progress], None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    patience_seconds: float,
    interval_seconds: float = 2.0,
    check: Callable[[], None] = lambda: None,
) -> Progress:
    """Look again and again until the stage is done.

    Args:
        look: reads where the work stands.
        running: the services that do the work; the ends of their logs explain a stall.
        report: called with every look.
        clock: seconds, never going back.
        sleep: waits some seconds.
        patience_seconds: longest time without any change.
        interval_seconds: pause between two looks.
        check: raises when going on makes no sense; asked before every look.

    Returns:
        The last look, whose stage is "done".

    Raises:
        ServiceEndedError: raised by `check` where a service keeps dying.
        StalledError: nothing changed for `patience_seconds`.
    """
    moved, mark = clock(), None
    while True:
        check()
        now = look()
        report(now)
        if now.stage == "done":
            return now
        if now.mark != mark:
            moved, mark = clock(), now.mark
        elif clock() - moved > patience_seconds:
            raise StalledError(stalled(now, running(), patience_seconds))
        sleep(interval_seconds)


def stalled(now: Progress, running: Sequence[Running], patience_seconds: float) -> str:
    """Message for people: what is open, and the ends of the logs."""
    waiting = {
        "empty": "there is nothing in the landing folder",
        "ingesting": f"{len(now.files_waiting)} files are not in bronze: {_some(now.files_waiting)}",
        "computing": f"tables behind their inputs: {_some(now.behind)}",
        "publishing": f"tables the DuckDB file lacks: {_some(now.unpublished)}",
        "done": "nothing",
    }[now.stage]
    logs = "\n".join(f"{each.service.log}:\n{tail(each.service.log)}" for each in running)
    return f"nothing moved for {patience_seconds:.0f} s; {waiting}. Failed runs stand in Dagster under Runs.\n{logs}"


def _some(names: Sequence[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
