"""Whatever happens in whatever order, the tables equal those of a fresh build from what bronze accepted.

Files are dropped late and out of order, doubled, rewritten, read again, deleted; rows are released, fixed and
discarded; the nightly key check decides; the lake is maintained; days are built again; micro-batches are cut short at a
random storage call or killed. A sequence is named by its seed, so that it can be run again.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from inventory_assets.contracts.bronze import BRONZE as BRONZE_OF
from inventory_assets.contracts.silver import DECISIONS
from inventory_assets.ingest.landing import content_hash
from inventory_assets.lakehouse.inputs import Inputs
from inventory_assets.medallion.silver_deciding import Wish
from inventory_assets.medallion.silver_decisions import IDENTITY
from inventory_assets.pipeline.deciding import request
from inventory_assets.pipeline.duplicate_keys import check_keys
from inventory_assets.pipeline.gold import refresh_sales
from inventory_assets.pipeline.ingest import ingest
from inventory_assets.pipeline.maintain import maintain
from inventory_assets.pipeline.quarantine import Selection, selected
from inventory_assets.pipeline.silver import refresh_facts, refresh_masters
from inventory_assets.pipeline.stock import refresh_movements, refresh_position
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml
from inventory_assets.simulator.files import landing_files
from inventory_assets_tests.faults.campaign import LONG, long_only, record
from inventory_assets_tests.faults.storage import PowerCutError, Storage
from inventory_assets_tests.faults.workers import killed_micro_batch
from inventory_assets_tests.pipeline.running import (
    BRONZE,
    bronze_rows,
    differences,
    publish_everything,
    published_cells,
    refresh_everything,
    workspace_at,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FIRST_DAY, DAYS = date(2026, 1, 30), 3
SHARDS = 2
KEPT_EVERY = 20
SEQUENCES = int(os.environ.get("INVENTORY_CHAOS_SEQUENCES", "1000" if LONG else "1"))
CELLS: dict[str, tuple[dict[str, str | None], ...]] = {
    "pos": (
        {"quantity_sold": "1"},
        {"unit_price": "2.50"},
        {"timestamp": "2026-01-31T09:00:00Z"},
        {"customer_id": None},
    ),
    "warehouse": ({"quantity": "3"}, {"current_stock": "7"}, {"last_updated": "2026-01-30T12:00:00Z"}),
    "supplier": ({"quantity_ordered": "5"}, {"updated_at": "2026-01-31T12:00:00Z"}),
}
"""What people put in the cells of each feed."""
SEED = int(os.environ.get("INVENTORY_CHAOS_SEED", "20260101"))


@pytest.fixture(scope="module")
def history():
    return simulate_history(
        HistoryConfig(start=FIRST_DAY, days=DAYS, stores=2, items=5, lines_per_store_day=5.0, dirt=0.08)
    )


class World:
    """An installation to which things happen.

    Attributes:
        log: what happened, for the message of a failure.
        counts: how often each thing happened.
    """

    def __init__(self, folder: Path, history, seed: int) -> None:
        self.settings = Settings(data_dir=folder)
        folder.mkdir(parents=True)
        self.settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
        self.log: list[str] = []
        self.counts: Counter[str] = Counter()
        self._landing = folder / "landing"
        self._landing.mkdir()
        self._dice = random.Random(seed)
        self._unsent = list(landing_files(history))
        self._dice.shuffle(self._unsent)
        self._contents: dict[str, bytes] = {}
        self._moment = NOW - timedelta(days=1)
        self._decisions = 0
        self._files_decided: set[str] = set()
        self._batch_seconds = 1.0
        self.actions: tuple[tuple[int, Callable[[], str]], ...] = (
            (6, self.drop), (2, self.double), (2, self.rewrite), (1, self.read_again), (1, self.delete),
            (3, self.refresh), (2, self.cut), (2, self.kill), (1, self.build_again), (1, self.publish),
            (4, self.decide), (1, self.check_keys), (1, self.maintain),
        )  # fmt: skip

    @property
    def workspace(self) -> Workspace:
        """A new process would open this one: nothing is remembered between actions."""
        return workspace_at(self.settings, NOW)

    def run(self, steps: int) -> None:
        """Some actions, then a refresh and a publication that are left alone."""
        weights = [weight for weight, _ in self.actions]
        for _ in range(steps):
            _, action = self._dice.choices(self.actions, weights)[0]
            self.counts[action.__name__] += 1
            self.log.append(f"{action.__name__} {action()}".strip())
        refresh_everything(self.workspace, self.settings)
        publish_everything(self.workspace, self.settings)

    def drop(self) -> str:
        """A few files arrive, old days after new ones."""
        sent = [self._unsent.pop() for _ in range(min(len(self._unsent), self._dice.randint(2, 8)))]
        for path, content in sent:
            self.put(path, content)
        return ", ".join(path for path, _ in sent)

    def double(self) -> str:
        """A file arrives a second time under another name."""
        path = self._some_file()
        if path is None:
            return ""
        again = path.with_name(f"again-{self._dice.randrange(10**6)}-{path.name}")
        self.put(str(again.relative_to(self._landing)), path.read_bytes())
        return again.name

    def rewrite(self) -> str:
        """A file's content is replaced by that of another file of its feed and format, or cut short."""
        path = self._some_file()
        if path is None:
            return ""
        feed = path.relative_to(self._landing).parts[0]
        others = [
            content for other, content in self._unsent if other.startswith(f"{feed}/") and other.endswith(path.suffix)
        ]
        content = self._dice.choice(others) if others else path.read_bytes()[:-1]
        self.put(str(path.relative_to(self._landing)), content)
        return str(path.relative_to(self._landing))

    def read_again(self) -> str:
        """A person asks for a file to be read again, changed or not."""
        path = self._some_file()
        if path is None:
            return ""
        name = path.relative_to(self._landing).as_posix()
        ingest(self.workspace, [name], batch_rows=self.settings.block_rows, last_attempt=True, reread=True)
        return name

    def delete(self) -> str:
        """A file vanishes, taken in or not."""
        path = self._some_file()
        if path is None:
            return ""
        path.unlink()
        return str(path.relative_to(self._landing))

    def refresh(self) -> str:
        """A micro-batch."""
        begun = time.monotonic()
        refresh_everything(self.workspace, self.settings)
        self._batch_seconds = time.monotonic() - begun
        return ""

    def decide(self) -> str:
        """A person decides about a few quarantined rows, or takes an accepted one out."""
        lake = self.workspace.lake
        rows = selected(lake, Selection(discarded=True)).select("feed", *IDENTITY)
        rows = rows.filter(~pl.col("source_file").is_in(sorted(self._files_decided)) | (pl.col("row_number") > 0))
        action = self._dice.choice(("release", "fix", "discard"))
        if action == "discard" and self._dice.random() < 0.5:
            accepted = lake.scan(BRONZE_OF["pos"]).filter(pl.col("row_number") > 0)
            rows = accepted.select(pl.lit("pos").alias("feed"), *IDENTITY).collect()
        if rows.is_empty():
            return ""
        feed = self._dice.choice(sorted(rows["feed"].unique()))
        rows = rows.filter(pl.col("feed") == feed).sort(IDENTITY)
        numbers = self._dice.sample(range(rows.height), min(rows.height, self._dice.randint(1, 3)))
        rows = rows[sorted(numbers)]
        cells = self._dice.choice(CELLS.get(feed, ({},))) if action == "fix" else None
        if cells == {}:
            return ""
        done = request(self._later(), rows, Wish(action, "campaign", "as the dice say", cells))
        files = set(rows.filter(pl.col("row_number") == 0)["source_file"])
        if files and action == "release":  # before the file can be deleted or rewritten
            ingest(self.workspace, [], batch_rows=self.settings.block_rows)
        self._files_decided |= files
        return f"{action} {rows.rows()} {cells or ''}: {done.written} written, {len(done.refused)} refused"

    def check_keys(self) -> str:
        """Night falls."""
        found = check_keys(self._later())
        return f"{found.taken_out} taken out, {found.brought_back} brought back"

    def maintain(self) -> str:
        """The week ends: whatever nobody needs goes at once."""
        hurried = self.settings.maintenance.model_copy(update={"longest_reader_hours": -1})
        done = maintain(self._later(), hurried)
        assert not [each for each in done if each.problem]
        return f"{sum(each.removed for each in done)} files removed"

    def kill(self) -> str:
        """A process carries a micro-batch and is killed."""
        seconds = self._dice.uniform(0.0, 1.5) * self._batch_seconds
        killed = killed_micro_batch(self.settings, NOW, seconds)
        return f"after {seconds:.2f} s" if killed else "too late"

    def _later(self) -> Workspace:
        """A clock that moves on, so that of two decisions one is the last."""
        self._decisions += 1
        return workspace_at(self.settings, NOW + timedelta(seconds=self._decisions))

    def cut(self) -> str:
        """A micro-batch or a publication that dies at some storage call."""
        place, after = self._dice.randrange(400), self._dice.random() < 0.5
        with Storage(place, after=after).installed():
            try:
                refresh_everything(self.workspace, self.settings)
                publish_everything(self.workspace, self.settings)
            except PowerCutError as error:
                return f"{'after' if after else 'before'} call {place}, {error}"
        return "too late"

    def build_again(self) -> str:
        """Someone backfills a range."""
        first = FIRST_DAY + timedelta(days=self._dice.randrange(DAYS))
        days = [first + timedelta(days=n) for n in range(self._dice.randint(1, DAYS))]
        refresh_masters(self.workspace, anew=True)
        refresh_facts(self.workspace, days)
        refresh_movements(self.workspace, days)
        refresh_sales(self.workspace, days)
        refresh_position(self.workspace, anew=True)
        return f"{days[0]} to {days[-1]}"

    def publish(self) -> str:
        """The DuckDB file as of now."""
        publish_everything(self.workspace, self.settings)
        return ""

    def put(self, path: str, content: bytes) -> None:
        """A complete file, later than all before it."""
        self._contents[content_hash(content)] = content
        self._moment += timedelta(seconds=1)
        target = self._landing / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, (self._moment.timestamp(), self._moment.timestamp()))

    def _some_file(self) -> Path | None:
        files = sorted(path for path in self._landing.rglob("*") if path.is_file())
        return self._dice.choice(files) if files else None

    def accepted(self) -> list[list[tuple[str, bytes]]]:
        """Path and content of what bronze holds, in rounds: a path that was read twice stands in two of them."""
        by_path: defaultdict[str, list[bytes]] = defaultdict(list)
        lake = self.workspace.lake
        for table in BRONZE:
            for path, digest in Inputs(lake, table).known().select("source_file", "content_hash").iter_rows():
                if digest in self._contents:  # else rows of a released file, which follow from its decision
                    by_path[path].append(self._contents[digest])
        most = max((len(contents) for contents in by_path.values()), default=0)
        return [[(p, contents[n]) for p, contents in by_path.items() if n < len(contents)] for n in range(most)]


def build_afresh(world: World, history, folder: Path) -> Settings:
    """Another installation that takes in, undisturbed, what the first one accepted."""
    fresh = World(folder, history, 0)
    decided = world.workspace.lake.scan(DECISIONS).collect()
    if decided.height:
        fresh.workspace.lake.append(DECISIONS, decided)
    for files in world.accepted():
        for path, content in files:
            fresh.put(path, content)
        names = [path for path, _ in files]
        ingest(fresh.workspace, names, batch_rows=fresh.settings.block_rows, last_attempt=True, reread=True)
    refresh_everything(fresh.workspace, fresh.settings)
    publish_everything(fresh.workspace, fresh.settings)
    return fresh.settings


def holds(history, folder: Path, seed: int) -> Counter[str]:
    """One sequence; raises with everything that happened when a cell differs."""
    world = World(folder / "disturbed", history, seed)
    steps = random.Random(seed).randint(4, 12)
    try:
        world.run(steps)
        fresh = build_afresh(world, history, folder / "fresh")
        disturbed, wanted = (workspace_at(each, NOW).lake for each in (world.settings, fresh))
        assert differences(wanted, disturbed) == {}
        for table in BRONZE:
            assert bronze_rows(wanted, table).equals(bronze_rows(disturbed, table)), table.path
        if world.accepted():
            assert published_cells(fresh.serving) == published_cells(world.settings.serving)
    except Exception as error:
        happened = "\n".join(world.log)
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}\nwhat happened:\n{happened}") from error
    shutil.rmtree(folder)
    return world.counts


@pytest.mark.slow
@pytest.mark.parametrize(
    "shard",
    [
        pytest.param(n, marks=[pytest.mark.xdist_group(f"random actions {n}"), *([long_only] if n else [])])
        for n in range(SHARDS)
    ],
)
def test_any_order_of_actions_equals_a_fresh_build(history, tmp_path, shard):
    seeds = range(SEED + shard, SEED + SEQUENCES, SHARDS)
    counts: Counter[str] = Counter()
    for done, seed in enumerate(seeds, 1):
        counts += holds(history, tmp_path / str(seed), seed)
        if done % KEPT_EVERY == 0 or done == len(seeds):  # a campaign that is stopped has shown what it has shown
            record(
                f"random_actions_{shard}",
                "random sequences of drops, doubles, rewrites, deletions, releases, fixes, discards, key checks, "
                "backfills, maintenance, cuts, kills, publications",
                f"{len(seeds)} sequences; tables and DuckDB equal a fresh build from what was accepted",
                f"{done} sequences from seed {seeds[0]}, every {SHARDS}nd, {counts.total()} actions; all equal",
                reached=done == len(seeds),
                details={"sequences": done, "first_seed": seeds[0], "step": SHARDS, "actions": dict(counts)},
            )
    assert counts
