"""The service against its own document, and against bodies nobody would send."""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine, create_engine

from inventory_assets.api.openapi import openapi
from inventory_assets.api.webhooks import ALIAS
from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.schemas import example
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.processor.worker import Worker
from inventory_assets.settings import ListenerSettings, Settings
from inventory_assets_tests.api.calling import Calls, Line, calls_of, sale, served
from inventory_assets_tests.faults.campaign import LONG, record
from inventory_assets_tests.live.databases import made_from
from inventory_assets_tests.live.processing import died
from inventory_assets_tests.live.workers import QUICK

EXAMPLES, ROUND = 300 if LONG else 6, 3
FUZZED = int(os.environ.get("INVENTORY_CHAOS_BODIES", "1000000" if LONG else "600"))
LINES = 64
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def url(server: Settings) -> str:
    """The database of all cases."""
    return made_from(EmbeddedServer(server).place.url, "cases", "inventory")


@pytest.fixture(scope="module")
def service(server: Settings, url: str) -> Iterator[Calls]:
    """One service for all cases, with some dead letters; what one case leaves behind is what another meets."""
    engine: Engine = create_engine("postgresql+psycopg://" + url.removeprefix("postgresql://"))
    with psycopg.connect(url, autocommit=True) as connection:
        assert died(engine, connection, 3)[0] == (1, 0), "the first one is the example of the document"
    options = ListenerSettings(wait_seconds=0.0, least_free_bytes=0, max_queued=2**40)
    with calls_of(server.model_copy(update={"listener": options}), engine) as calls:
        yield calls
    engine.dispose()


def test_the_document_and_the_routes_are_the_same(service: Calls):
    declared = {(method.upper(), path) for path, methods in openapi()["paths"].items() for method in methods}
    router = service.application.front._app
    tables = {path: methods for path, (_, methods) in router._templates.items()} | router._plain
    assert declared == {(method, path) for path, methods in tables.items() for method in methods}


def test_every_example_of_the_document_is_taken(service: Calls):
    shown = openapi()["paths"]["/api/v1/events"]["post"]["requestBody"]["content"]
    for content_type, declared in shown.items():
        for name, each in declared["examples"].items():
            answer = service.post(each["value"], content_type=content_type)
            assert answer.status_code == 202, (name, answer.text)
    for declared in TYPES.values():
        if declared.sender == "anyone":
            answer = service.post(example(declared, declared.current))
            assert answer.status_code == 202, (declared.name, answer.text)


@pytest.fixture(scope="module")
def address(service: Calls, server: Settings, url: str) -> Iterator[str]:
    """The service behind a real socket, on the database of the other one, and a worker: what it took is applied."""
    options = ListenerSettings(least_free_bytes=0, max_queued=2**40)
    worker = Worker(url, QUICK, clock=service.clock)
    working = threading.Thread(target=worker.run)
    working.start()
    try:
        with served(server.model_copy(update={"listener": options}), service.engine, service.clock) as running:
            yield running.address
    finally:
        worker.stop()
        working.join()


schema = schemathesis.openapi.from_dict(openapi()).exclude(path=ALIAS)
"""All but the second address of one handler."""


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not LONG,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_service_keeps_its_document(case: schemathesis.Case, address: str):
    response = case.call(base_url=address)
    case.validate_response(response, checks=CHECKS)


@pytest.mark.slow
def test_requests_that_follow_from_answers_keep_the_document_too(address: str):
    """Phase "stateful": what an answer names (an event, a webhook, a replay) is asked for, changed and removed.

    What one chain of requests leaves behind another meets, so that the same choices may lead elsewhere, which the
    generator refuses: that ends its round, and no answer goes unjudged by it.
    """
    judged, broken = Counter(), []

    class Following(schema.as_state_machine()):
        def get_call_kwargs(self, case: schemathesis.Case) -> dict:
            return {"base_url": address}

        def validate_response(self, response, case, additional_checks=(), **more) -> None:
            judged[response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except (AssertionError, BaseExceptionGroup) as error:
                broken.append(error)

    for number in range(EXAMPLES // ROUND):
        with suppress(FlakyStrategyDefinition):
            run_state_machine_as_test(
                seed(number)(type(f"Following{number}", (Following,), {})),
                settings=settings(
                    max_examples=ROUND,
                    stateful_step_count=12,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
    assert broken == []
    assert judged.total() >= EXAMPLES
    assert judged[200] > 0


@pytest.mark.slow
def test_fuzzed_bodies_are_4xx_or_taken(address: str):
    begun = int(os.environ.get("INVENTORY_FUZZ_SEED", "5"))
    chance, counts = random.Random(begun), Counter()
    valid = [json.dumps(example(each, each.current)).encode() for each in TYPES.values()] + [
        json.dumps([sale(1)]).encode()
    ]
    bodies = (mutated(chance.choice(valid), chance) for _ in range(FUZZED))

    async def send() -> None:
        line = await Line.opened(urlsplit(address).port or 0)
        for body in bodies:
            status, kind, answer = await line.post(body)
            counts[status] += 1
            assert status < 500, (body, answer)
            if status >= 400:
                assert kind == "application/problem+json", body
        line.writer.close()

    async def all_sent() -> None:
        await asyncio.gather(*(send() for _ in range(LINES)))

    asyncio.run(all_sent())
    assert counts[202] > 0
    assert counts[400] > 0
    record(
        "live_fuzz", "fuzzed bodies to the service behind a socket", "nothing but 4xx, 202 or 207",
        f"{FUZZED:,} bodies, seed {begun}: " + ", ".join(f"{status} {n:,}" for status, n in sorted(counts.items())),
        reached=max(counts) < 500, details={"seed": begun, "counts": {str(key): n for key, n in counts.items()}},
    )  # fmt: skip


def mutated(body: bytes, chance: random.Random) -> bytes:
    """A body with a few things wrong: bytes, members, values."""
    made = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(made))
        kind = chance.randrange(6)
        if kind == 0:
            made[at] = chance.randrange(256)
        elif kind == 1:
            del made[at : at + chance.randint(1, 9)]
        elif kind == 2:
            made[at:at] = chance.choice(
                (b"null", b"1e999", b"\\u0000", b'"\\ud800"', b"[" * 40, b"{}", b"-1", b"9" * 30, b"\xff", b'"a":1,')
            )
        elif kind == 3:
            made = made.replace(b'"2024', chance.choice((b'"9999', b'"0000', b'"2024-13', b"2024")), 1)
        elif kind == 4:
            word = chance.choice((b":1", b": 1", b':"x"', b":null", b":[]", b":1e-50", b":true"))
            made = made.replace(b":2", word, 1)
        made = made or bytearray(b" ")
    return bytes(made)
