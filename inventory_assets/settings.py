"""Every setting, once: environment variables with the prefix INVENTORY_, nested with two underscores."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LONGEST_HORIZON = 364
"""Days ahead beyond which no setting goes: the course of the year is last year's."""


class IngestSettings(BaseModel):
    """How landing files are taken in."""

    ready_after_seconds: float = Field(default=5.0, ge=0, description="A file is complete when unchanged for so long.")
    interval_seconds: int = Field(
        default=5, ge=1, description="Seconds between two looks at the landing folder; Dagster looks every 5 at most."
    )
    max_files_per_run: int = Field(default=2000, ge=1, description="Files one run takes at most.")
    max_bytes_per_run: int = Field(default=1_000_000_000, ge=1, description="Bytes one run takes at most.")
    max_attempts: int = Field(
        default=3, ge=1, description="Runs after which a file that fails is recorded as unreadable."
    )
    give_up_after_seconds: float = Field(
        default=600.0, ge=0, description="A Parquet or Avro file without its footer is unreadable after so long."
    )
    max_ahead_seconds: int = Field(
        default=300, ge=0, description="Event times further ahead of their reading are refused."
    )


class OrdersSettings(BaseModel):
    """How supplier orders count."""

    stop_counting_after_days: int = Field(
        default=14, ge=0, description="Order lines overdue by more days stop counting as on order, and are listed."
    )


class ErpSettings(BaseModel):
    """The ordering system approved purchases are posted to."""

    url: str = Field(default="", description="Address of its orders (http or https); empty posts nothing.")
    token: SecretStr | None = Field(default=None, description="Sent as `Authorization: Bearer …`; never logged.")
    timeout_seconds: float = Field(default=15.0, gt=0, description="How long one attempt may take.")
    retry_seconds: tuple[float, ...] = Field(
        default=(1, 4, 15), description="Waits before each further attempt after no answer, 5xx or 429."
    )


class ForecastSettings(BaseModel):
    """How demand is forecast."""

    horizon_days: int = Field(
        default=28,
        ge=7,
        le=180,
        description="Days ahead of an item without a known lead time, and of the past windows models are compared on.",
    )
    longest_horizon_days: int = Field(
        default=180,
        ge=7,
        le=LONGEST_HORIZON,
        description="Days ahead at most; an item with a lead time has lead time + review period + one review.",
    )
    history_days: int = Field(default=1096, ge=56, description="Days of demand that are looked at, at most.")
    like_items: dict[str, str] = Field(
        default_factory=dict, description="New items and the item each is like, whose forecast it borrows for 28 days."
    )
    learned_model: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether boosted trees are one of the candidates: auto where the extra lightgbm is installed; on "
        "fails without it.",
    )
    schedule: str = Field(default="20 4 * * *", description="When demand is forecast anew: cron, UTC.")


class ReplanningSettings(BaseModel):
    """When plans are made again before the night."""

    low_stock_seconds: float = Field(
        default=3600.0, ge=60, description="Low stock of an item at a location is a reason at most so often."
    )


class PublishSettings(BaseModel):
    """How the DuckDB file is replaced."""

    min_interval_seconds: float = Field(
        default=45.0,
        ge=0,
        description="Seconds between two publications at least; a publication comes with the end of a refresh.",
    )
    keep_files: int = Field(default=3, ge=1, description="Published files that are kept.")
    keep_seconds: float = Field(default=300.0, ge=0, description="How long a replaced file is kept at least.")


class QualitySettings(BaseModel):
    """How data quality is measured."""

    timely_hours: float = Field(
        default=24.0, gt=0, description="Hours after its event within which a row must be read to be timely."
    )


class FreshnessSettings(BaseModel):
    """How old a table that people read may be."""

    warn_hours: float = Field(
        default=26.0, gt=0, description="Hours since its last write after which a table of daily feeds is late."
    )
    fail_hours: float = Field(
        default=50.0, ge=0, description="Hours after which it is overdue; 0 expects nothing, as for a finished history."
    )
    seldom: float = Field(
        default=7.0, ge=1, description="How many times longer tables may rest that change when suppliers or months do."
    )
    watch: str = Field(default="25 * * * *", description="When the clock looks for silence: cron, UTC.")


class RunsSettings(BaseModel):
    """How long Dagster remembers what it did."""

    keep_days: int = Field(
        default=7,
        ge=1,
        description="Days a finished run of schedules and sensors stays; what the UI shows stays.",
    )
    purge: str = Field(default="50 3 * * *", description="When older runs are deleted: cron, UTC.")


class MaintenanceSettings(BaseModel):
    """How the lake is kept small, and how far back it can be read."""

    schedule: str = Field(default="30 3 * * 0", description="When maintenance runs by itself: cron, UTC.")
    longest_reader_hours: int = Field(
        default=1, ge=0, description="Longest time somebody reads one version; replaced files stay an hour more."
    )
    keep_days: int = Field(default=7, ge=1, description="Days whose last state can be read and restored.")
    log_days: int = Field(
        default=30, ge=1, description="Days a Delta commit stays in the log; never fewer than `keep_days` and one."
    )
    target_bytes: int = Field(default=134_217_728, ge=1_048_576, description="Smaller files of a day are merged.")
    crowded_files: int = Field(
        default=48, ge=2, description="A bronze day with more small files is merged by the refresh that meets it."
    )
    crowded_bytes: int = Field(default=16_777_216, ge=1_048_576, description="What counts as a small file there.")
    write_amplification: float = Field(
        default=30.0, ge=1, description="Bytes written for each byte the lake grows by, from which on refreshes pause."
    )
    burst_seconds: float = Field(
        default=900.0, ge=0, description="So long refreshes may follow each other without a pause."
    )
    longest_pause_seconds: float = Field(default=1800.0, ge=0, description="Longest pause between two refreshes.")

    @property
    def retention_hours(self) -> int:
        """Hours a replaced file stays."""
        return self.longest_reader_hours + 1

    @property
    def kept_log_days(self) -> int:
        """Days a commit stays in the log."""
        return max(self.log_days, self.keep_days + 1)


class DatabaseSettings(BaseModel):
    """The embedded PostgreSQL server of the live layer, and how any server is connected to."""

    folder: Path | None = Field(
        default=None, description="Folder of the embedded server; database/ of the data folder by default."
    )
    socket_folder: Path | None = Field(
        default=None, description="Short private folder of its socket; one in /tmp, named after its folder, by default."
    )
    run_as: str = Field(
        default="", description="User it runs as when this program is root; by default postgres or nobody."
    )
    start_seconds: float = Field(default=120.0, gt=0, description="How long a start may take, recovery included.")
    stop_seconds: float = Field(default=60.0, gt=0, description="How long a stop may take.")
    shared_buffers_mb: int = Field(default=256, ge=16, description="Memory of its page cache, in megabytes.")
    pool_least: int = Field(default=5, ge=1, description="Connections a process keeps open.")
    pool_most: int = Field(default=50, ge=1, description="Connections a process opens at most.")
    idle_seconds: float = Field(
        default=30.0, gt=0, description="An idle connection older than this is replaced before it is used again."
    )
    connect_seconds: int = Field(default=10, ge=1, description="How long opening a connection may take.")
    lease_seconds: float = Field(
        default=5.0, gt=0, description="A transaction that stands still for so long is ended and its work taken again."
    )


class ListenerSettings(BaseModel):
    """The HTTP service of the live layer: what it takes in, and when it asks senders to wait."""

    host: str = Field(default="127.0.0.1", description="Address it listens on; only loopback ones are taken.")
    port: int = Field(default=8100, ge=0, le=65_535, description="Its port; 0 takes a free one.")
    refused_sources: frozenset[str] = Field(default=frozenset(), description="Sources whose events are refused (403).")
    taken_types: frozenset[str] = Field(
        default=frozenset({"*"}), description="Types taken whatever their priority; with * nothing is filtered."
    )
    taken_priority: int = Field(default=7, ge=1, le=10, description="Priority from which events of any type are taken.")
    max_ahead_seconds: int = Field(
        default=300, ge=0, description="Events further ahead of their reception go to quarantine."
    )
    max_body_bytes: int = Field(default=4_194_304, ge=1024, description="Bytes of a request.")
    max_event_bytes: int = Field(default=262_144, ge=256, description="Bytes of the data of one event.")
    max_batch: int = Field(default=1000, ge=1, description="Events of a request.")
    max_depth: int = Field(default=16, ge=1, le=64, description="Levels of objects and lists in the data of an event.")
    max_queued: int = Field(
        default=500_000, ge=1, description="Parts that wait to be processed, from which on events are refused (429)."
    )
    max_unwritten: int = Field(
        default=20_000, ge=1, description="Events that wait to be written, from which on events are refused (429)."
    )
    least_free_bytes: int = Field(
        default=1_000_000_000,
        ge=0,
        description="Free bytes of the database's disk; with fewer, events are refused (503).",
    )
    deadline_seconds: float = Field(default=10.0, gt=0, description="How long any request may take.")
    wait_seconds: float = Field(
        default=3.0, ge=0, description="How long an adjustment or a reservation waits for its outcome; then 202."
    )
    retry_seconds: int = Field(default=5, ge=1, description="What Retry-After says.")
    look_seconds: float = Field(default=1.0, gt=0, description="Seconds between two looks at queue, disk and database.")
    readers: int = Field(default=8, ge=1, description="Requests that read the database at the same time.")


class ProcessorSettings(BaseModel):
    """The processor of the live layer: how waiting events become stock."""

    workers: int = Field(
        default=2, ge=1, description="Workers of an installation, each a process; more than cores gain nothing."
    )
    batch_events: int = Field(default=500, ge=1, description="Events applied in one transaction at most.")
    batch_seconds: float = Field(
        default=0.04, gt=0, description="Transactions take fewer events when one took longer than this."
    )
    window_events: int = Field(default=50, ge=1, description="So many waiting events are applied at once.")
    window_seconds: float = Field(
        default=0.1, ge=0, description="How long fewer are gathered; an event of priority 8 or above ends it at once."
    )
    poll_seconds: float = Field(default=0.25, gt=0, description="How long a lost notice of new events costs at most.")
    attempts: int = Field(default=3, ge=1, description="Attempts after which an event becomes a dead letter.")
    retry_least: float = Field(default=0.1, ge=0, description="Seconds until a retry at least, for each attempt.")
    retry_most: float = Field(default=0.5, ge=0, description="Seconds until a retry at most, for each attempt.")
    wake_seconds: float = Field(default=0.1, gt=0, description="How often retries whose time has come are woken.")
    tend_seconds: float = Field(default=1.0, gt=0, description="How often reservations expire and events age.")
    recovery_seconds: float = Field(
        default=300.0, gt=0, description="How often patterns are looked for among dead letters."
    )
    ageing_seconds: float = Field(
        default=10.0, gt=0, description="Waiting raises an event to priority 1 after so long, 2 after twice, 7 at most."
    )


class WebhookSettings(BaseModel):
    """How webhooks are delivered, and where to."""

    plain_http: bool = Field(default=False, description="Take addresses that begin with http://.")
    networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description="Networks that may be called although they are private; at any port."
    )
    ports: tuple[int, ...] = Field(default=(80, 443, 8080, 8443), description="Ports elsewhere.")
    timeout_seconds: float = Field(default=15.0, gt=0, description="How long a receiver may take for all of an answer.")
    retry_seconds: tuple[float, ...] = Field(
        default=(5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        min_length=1,
        description="Waits before each retry of an event, give or take a tenth; after the last one it is disabled.",
    )
    max_webhooks: int = Field(default=100, ge=1, description="Webhooks there may be; each has a place in every turn.")
    senders: int = Field(default=4, ge=1, description="Webhooks served at the same time.")
    turn_events: int = Field(default=100, ge=1, description="Events sent to one webhook before the next has its turn.")
    poll_seconds: float = Field(default=1.0, gt=0, description="How long a lost notice of new events costs at most.")
    lease_seconds: float = Field(
        default=60.0, gt=0, description="After so long the webhooks of a dead process are served by another one."
    )
    rotation_hours: float = Field(default=24.0, ge=0, description="How long the old secret signs beside the new one.")
    log_days: int = Field(default=30, ge=1, description="Days an attempt stays in the log of deliveries.")


class Settings(BaseSettings):
    """Settings of one installation; the defaults run everything below one folder."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_", env_nested_delimiter="__", extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="Everything written at run time lies below it.")
    landing_uri: str = Field(default="", description="Where files arrive; landing/ of the data folder by default.")
    lake_uri: str = Field(default="", description="Root of the Delta tables; lakehouse/ of the data folder by default.")
    storage_options: dict[str, SecretStr] = Field(default_factory=dict, description="Options of the object store.")
    partitions_start: date = Field(default=date(2005, 1, 1), description="First daily partition. Never change it.")
    block_days: int = Field(default=31, ge=1, description="Days computed and written together.")
    block_rows: int = Field(default=500_000, ge=1, description="Bronze rows computed and written together, about.")
    ingest: IngestSettings = IngestSettings()
    orders: OrdersSettings = OrdersSettings()
    erp: ErpSettings = ErpSettings()
    forecast: ForecastSettings = ForecastSettings()
    replanning: ReplanningSettings = ReplanningSettings()
    publish: PublishSettings = PublishSettings()
    quality: QualitySettings = QualitySettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    freshness: FreshnessSettings = FreshnessSettings()
    runs: RunsSettings = RunsSettings()
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL 15 or newer of the live layer (postgresql://…); the embedded server by default.",
    )
    database: DatabaseSettings = DatabaseSettings()
    listener: ListenerSettings = ListenerSettings()
    processor: ProcessorSettings = ProcessorSettings()
    webhooks: WebhookSettings = WebhookSettings()
    fixed_clock: str | None = Field(default=None, description="ISO 8601 instant that stands still, for tests.")
    shared_data: Path | None = Field(
        default=None, description="Folder of the public data sets, for tests and benchmarks."
    )

    @property
    def landing(self) -> str:
        """URI of the landing folder."""
        return self.landing_uri or str(self.data_dir.resolve() / "landing")

    @property
    def lake(self) -> str:
        """URI of the lake's root."""
        return self.lake_uri or str(self.data_dir.resolve() / "lakehouse")

    @property
    def serving(self) -> Path:
        """Folder of the published DuckDB files."""
        return self.data_dir.resolve() / "serving"

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.data_dir.resolve() / "dagster"

    @property
    def writer_lock(self) -> Path:
        """File whose lock the process holds that writes the lake."""
        return self.data_dir.resolve() / "lake.lock"

    def now(self) -> datetime:
        """The time of this installation: `fixed_clock` where one is set."""
        return datetime.fromisoformat(self.fixed_clock) if self.fixed_clock else datetime.now(UTC)

    @property
    def has_live_database(self) -> bool:
        """Whether there is a live database: one is named, or the embedded one was made."""
        return self.names_database or self.database_folder.is_dir()

    @property
    def names_database(self) -> bool:
        """Whether the live database is a server named by its URL; otherwise it is ours to start and stop."""
        return bool(self.database_url and self.database_url.get_secret_value())

    @property
    def database_folder(self) -> Path:
        """Folder of the embedded database server."""
        return (self.database.folder or self.data_dir / "database").resolve()

    @property
    def sources_file(self) -> Path:
        """Profiles of source systems that override the built-in ones."""
        return self.data_dir.resolve() / "sources.toml"

    @property
    def secret_options(self) -> dict[str, str]:
        """Storage options in the clear, for the libraries that open the store."""
        return {name: value.get_secret_value() for name, value in self.storage_options.items()}
