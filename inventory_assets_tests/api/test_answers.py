"""Those who wait on the event loop are told what the group writer answered, a wake-up a group."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from inventory_assets.api.answers import Answers
from inventory_assets.live.log.appending import Outcome
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.log.grouping import GroupWriter
from inventory_assets_tests.live.databases import entry


class Gated:
    """A writer whose groups wait until the gate is opened; each entry is answered with its number, one is refused."""

    def __init__(self) -> None:
        self.gate, self.groups, self.told = threading.Event(), [], 0
        self.answers = Answers()
        self.writer = GroupWriter(self._write, told=self._tell, rest=lambda _: None)

    def _write(self, entries: Sequence[Entry]) -> list[Outcome]:
        assert self.gate.wait(20)
        self.groups.append([each.event_id for each in entries])
        if any(each.event_id == "event-666" for each in entries):
            raise ConnectionError("the database is away")
        return [Outcome("accepted", int(each.event_id.removeprefix("event-"))) for each in entries]

    def _tell(self, answers: Sequence) -> None:
        self.told += 1
        self.answers.told(answers)

    async def take(self, *numbers: int) -> list[int | None]:
        outcomes = await self.answers.of(self.writer, [entry(number) for number in numbers])
        return [each.sequence for each in outcomes]

    async def busy(self) -> None:
        """Wait until the writer has the first group in hand."""
        while self.writer.waiting:
            await asyncio.sleep(0.001)


@pytest.fixture
def gated():
    made = Gated()
    yield made
    made.gate.set()
    made.writer.close()


def test_each_is_told_its_own_answer_and_the_loop_is_woken_once_a_group(gated: Gated):
    async def play() -> list[list[int | None]]:
        first = asyncio.create_task(gated.take(0))
        await asyncio.sleep(0)
        await gated.busy()
        rest = [asyncio.create_task(gated.take(number, number + 1)) for number in range(10, 50, 2)]
        await asyncio.sleep(0)
        gated.gate.set()
        return list(await asyncio.gather(first, *rest))

    assert asyncio.run(play()) == [[0], *([number, number + 1] for number in range(10, 50, 2))]
    assert (len(gated.groups), gated.told) == (2, 2)


def test_an_error_is_told_to_its_group_alone_and_who_stops_waiting_takes_the_request_back(gated: Gated):
    async def play() -> list:
        first = asyncio.create_task(gated.take(666))
        await asyncio.sleep(0)
        await gated.busy()
        kept, dropped = (asyncio.create_task(gated.take(number)) for number in (1, 2))
        await asyncio.sleep(0)
        dropped.cancel()
        await asyncio.sleep(0)
        gated.gate.set()
        return list(await asyncio.gather(first, kept, dropped, return_exceptions=True))

    failed, kept, dropped = asyncio.run(play())
    assert (type(failed), kept, type(dropped)) == (ConnectionError, [1], asyncio.CancelledError)
    assert gated.groups == [["event-666"], ["event-1"]]


def test_a_group_written_after_the_loop_has_ended_disturbs_nobody(gated: Gated):
    async def leave() -> None:
        waiting = asyncio.create_task(gated.take(1))
        await asyncio.sleep(0)
        await gated.busy()
        waiting.cancel()

    asyncio.run(leave())
    gated.gate.set()
    assert gated.writer.submit([entry(2)]).result(20)[0].sequence == 2
