from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from inventory_assets.contracts.values import changed
from inventory_assets.live.database.cluster import postmaster
from inventory_assets.live.database.opening import open_engine
from inventory_assets.live.database.ready import bring_up
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.locks import APPEND, SPACE
from inventory_assets.live.log.appending import append, append_within, prepared_group, raise_epoch
from inventory_assets.live.log.entries import UnstorableEventError, fingerprint, lane_of, prepared
from inventory_assets.settings import DatabaseSettings
from inventory_assets_tests.live.databases import NOON, entry, installation


def count(connection, table):
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_group_is_kept_whole_in_its_order(engine, connection):
    group = [entry(number) for number in range(100)]
    outcomes = append(engine, group)
    assert {each.status for each in outcomes} == {"accepted"}
    sequences = [each.sequence for each in outcomes]
    assert sequences == sorted(sequences)
    rows = connection.execute(
        "SELECT sequence, source, event_id, type, event_time, received_at, priority, items, data, epoch, disposition"
        " FROM event_log ORDER BY sequence"
    ).fetchall()
    assert [row[0] for row in rows] == sequences
    for each, row in zip(group, rows, strict=True):
        assert row[1:8] == (
            each.source, each.event_id, each.type, each.event_time, each.received_at, each.priority, list(each.items)
        )  # fmt: skip
        assert row[8]["sku"] == each.items[0]
        assert row[9:] == (1, "accepted")
    waiting = connection.execute("SELECT sequence, part, lane, attempts, not_before FROM event_queue ORDER BY 1")
    expected = [(number, 0, lane_of(each.items[0]), 0, None) for number, each in zip(sequences, group, strict=True)]
    assert waiting.fetchall() == expected


def test_a_repeat_is_told_the_sequence_of_the_first_and_adds_nothing(engine, connection):
    first = append(engine, [entry(1), entry(2)])
    again = append(engine, [entry(2), entry(3), entry(1)])
    assert [each.status for each in again] == ["duplicate", "accepted", "duplicate"]
    assert [again[0].sequence, again[2].sequence] == [first[1].sequence, first[0].sequence]
    assert [count(connection, table) for table in ("event_log", "event_ids", "event_queue")] == [3, 3, 3]


def test_a_repeat_inside_a_group_is_one_event(engine, connection):
    outcomes = append(engine, [entry(1), entry(1), entry(2), entry(1, fingerprint=fingerprint("sale", {"other": 1}))])
    assert [each.status for each in outcomes] == ["accepted", "duplicate", "accepted", "conflict"]
    assert outcomes[0].sequence == outcomes[1].sequence == outcomes[3].sequence
    assert count(connection, "event_log") == 2


def test_another_event_under_a_taken_id_is_a_conflict_and_the_first_stays(engine, connection):
    first = append(engine, [entry(1)])[0]
    other = entry(1, data='{"sku": "SKU-1", "quantity": 99}', fingerprint=fingerprint("sale", {"quantity": 99}))
    assert append(engine, [other])[0] == changed(first, status="conflict")
    assert connection.execute("SELECT data->>'quantity' FROM event_log").fetchone() == ("2",)
    assert append(engine, [changed(other, source="web")])[0].status == "accepted"


def test_the_order_of_keys_is_no_difference_between_events():
    assert fingerprint("sale", {"a": 1, "b": 2}) == fingerprint("sale", {"b": 2, "a": 1})
    assert fingerprint("sale", {"a": 1}) != fingerprint("return", {"a": 1})


def test_an_event_of_several_items_waits_as_a_part_an_item(engine, connection):
    append(engine, [entry(1, items=("A", "B", "A")), entry(2, items=())])
    rows = connection.execute("SELECT part, lane FROM event_queue ORDER BY sequence, part").fetchall()
    assert rows[:3] == [(0, lane_of("A")), (1, lane_of("B")), (2, lane_of("A"))]
    assert len(rows) == 4


@pytest.mark.parametrize("disposition", ["decided", "filtered", "quarantined"])
def test_what_is_not_to_be_processed_is_kept_and_does_not_wait(engine, connection, disposition):
    append(engine, [entry(1, disposition=disposition)])
    assert count(connection, "event_log") == 1
    assert count(connection, "event_queue") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"event_id": "nul\0"},
        {"data": '{"note": "\\u0000"}'},
        {"event_id": "x" * 600},
        {"event_time": NOON.replace(tzinfo=None)},
        {"priority": 0},
        {"type": "half \ud800"},
        {"source": ""},
    ],
)
def test_what_cannot_be_stored_is_refused_alone_before_any_lock(engine, changes):
    with pytest.raises(UnstorableEventError):
        prepared(entry(2, **changes))
    outcomes = append(engine, [entry(1), entry(2, **changes), entry(3)])
    assert [each.status for each in outcomes] == ["accepted", "refused", "accepted"]
    assert outcomes[1].reason


def test_what_only_the_database_can_refuse_is_refused_alone_too(engine, connection):
    bad = [entry(3, data="{not json"), entry(7, data='{"n": 1e200000}'), entry(8, data="[" * 20_000 + "]" * 20_000)]
    group = [entry(number) for number in (1, 2)] + bad + [entry(number) for number in (4, 5)]
    outcomes = append(engine, group)
    assert [each.status for each in outcomes] == ["accepted"] * 2 + ["refused"] * 3 + ["accepted"] * 2
    assert count(connection, "event_log") == 4


def test_an_escaped_backslash_before_u0000_is_text(engine, connection):
    assert append(engine, [entry(1, data='{"note": "\\\\u0000"}')])[0].status == "accepted"
    assert connection.execute("SELECT data->>'note' FROM event_log").fetchone() == ("\\u0000",)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), max_size=4))
def test_any_text_comes_back_as_it_was(engine, connection, texts):
    connection.execute("TRUNCATE event_log, event_ids, event_queue")
    key = "".join(texts) or "-"
    append(engine, [entry(1, event_id=key, type=key, items=tuple(texts))])
    assert connection.execute("SELECT event_id, type, items FROM event_log").fetchone() == (key, key, texts)


def test_sequence_order_is_commit_order_and_a_reader_by_range_skips_nothing(url, connection):
    """Appenders with groups of all sizes, repeats, rollbacks and pauses before the commit, a reader beside them."""
    writers, rounds = 6, 25
    engines = [open_engine(url, DatabaseSettings()) for _ in range(writers)]
    done = threading.Event()

    def write(writer):
        chance = Random(writer)
        accepted = []
        for turn in range(rounds):
            first = (writer * rounds + turn) * 20
            group = [entry(first + chance.randrange(20) - 10) for _ in range(chance.randrange(1, 15))]
            if chance.random() < 0.2:
                with psycopg.connect(url) as own:
                    append_within(own, prepared_group(group)[0])
                    own.rollback()
            accepted += [each.sequence for each in append(engines[writer], group) if each.status == "accepted"]
        return accepted

    def read():
        seen, after = [], 0
        with psycopg.connect(url, autocommit=True) as own:
            while True:
                last = done.is_set()
                upto = own.execute("SELECT coalesce(max(sequence), 0) FROM event_log").fetchone()[0]
                rows = own.execute("SELECT sequence FROM event_log WHERE sequence > %s AND sequence <= %s ORDER BY 1",
                                   (after, upto)).fetchall()  # fmt: skip
                seen += [sequence for (sequence,) in rows]
                after = upto
                if last:
                    return seen

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(read)
        accepted = [sequence for each in pool.map(write, range(writers)) for sequence in each]
        done.set()
        seen = reader.result()
    assert sorted(accepted) == seen
    assert len(set(accepted)) == len(accepted)
    commits = [
        at for (at,) in connection.execute("SELECT pg_xact_commit_timestamp(xmin) FROM event_log ORDER BY sequence")
    ]
    assert commits == sorted(commits)
    assert len(set(commits)) > writers * rounds / 2
    for each in engines:
        each.dispose()


def test_the_same_event_from_many_at_once_is_accepted_once(url, connection):
    engines = [open_engine(url, DatabaseSettings()) for _ in range(6)]
    with ThreadPoolExecutor(len(engines)) as pool:
        outcomes = list(pool.map(lambda each: append(each, [entry(1), entry(2)]), engines))
    for position in (0, 1):
        assert sorted(each[position].status for each in outcomes) == ["accepted"] + ["duplicate"] * 5
        assert len({each[position].sequence for each in outcomes}) == 1
    assert count(connection, "event_log") == 2
    for each in engines:
        each.dispose()


def test_who_stands_still_under_the_lock_loses_it(url, engine):
    with psycopg.connect(url) as stuck:
        stuck.execute("SELECT set_config('idle_in_transaction_session_timeout', '300ms', true)")
        append_within(stuck, prepared_group([entry(1)])[0])
        assert append(engine, [entry(2)])[0].status == "accepted"
        with pytest.raises(psycopg.Error):
            stuck.commit()
    assert append(engine, [entry(1)])[0].status == "accepted"


def test_an_append_waits_no_longer_than_it_was_told(url, engine):
    with psycopg.connect(url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s, %s)", (SPACE, APPEND))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            append(engine, [entry(1)], wait_seconds=0.1)
    assert append(engine, [entry(1)])[0].status == "accepted"


def test_a_raised_epoch_is_written_into_what_follows(engine, connection):
    last = append(engine, [entry(1)])[0].sequence
    assert raise_epoch(engine, "restored from a backup", NOON) == 2
    append(engine, [entry(2)])
    assert connection.execute("SELECT epoch FROM event_log ORDER BY sequence").fetchall() == [(1,), (2,)]
    assert connection.execute("SELECT after_sequence FROM log_epochs WHERE epoch = 2").fetchone() == (last,)


def test_a_killed_server_has_everything_it_acknowledged(folder):
    """The server is killed again and again under four appenders, who try again until they get an answer."""
    options = installation(folder)
    embedded = EmbeddedServer(options)
    kills, writers, stop = 4, 4, threading.Event()
    with embedded.owned():
        bring_up(options)
        engine = open_engine(embedded.place.url, options.database)

        def write(writer):
            acknowledged, turn, failures = {}, 0, 0
            while not stop.is_set():
                group = [entry(writer * 1_000_000 + turn * 5 + number) for number in range(8)]
                try:
                    outcomes = append(engine, group)
                except (OperationalError, psycopg.OperationalError):
                    failures += 1
                    stop.wait(0.02)
                    continue
                acknowledged |= {each.key: outcome.sequence for each, outcome in zip(group, outcomes, strict=True)}
                turn += 1
            return acknowledged, failures

        def stored():
            with psycopg.connect(embedded.place.url) as connection:
                return {(row[0], row[1]): row[2] for row in
                        connection.execute("SELECT source, event_id, sequence FROM event_log")}  # fmt: skip

        with ThreadPoolExecutor(writers) as pool:
            written = [pool.submit(write, writer) for writer in range(writers)]
            try:
                for _ in range(kills):
                    before = len(stored())
                    while len(stored()) < before + 100:
                        stop.wait(0.01)
                    postmaster(embedded.place.cluster).kill()
                    while not embedded.look():
                        stop.wait(0.01)
            finally:
                stop.set()
            results = [each.result() for each in written]
        engine.dispose()
        kept = stored()
        with psycopg.connect(embedded.place.url) as connection:
            assert count(connection, "event_queue") == count(connection, "event_ids") == len(kept)
    assert sum(failures for _, failures in results) > 0
    for acknowledged, _ in results:
        assert acknowledged
        assert {key: kept.get(key) for key in acknowledged} == acknowledged
