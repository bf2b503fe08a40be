"""Configuration of the stream with the keys of 004, and a few of our own.

The file of 004 is JSON with the sections `realtime` and `stream`; other sections are those of its history generator and
are left alone, an unknown key in these two is refused. What each key does stands in docs/stream.md.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

MOST_IN_A_REQUEST = 1_000
"""Events the listener takes in one request."""


SHORTEST_INTERVAL_MS = 50.0
"""Between two bursts, where only a rate is said."""


class StreamConfigError(ValueError):
    """A configuration of the stream that cannot be used."""


class RealtimeConfig(BaseModel):
    """How events are made, gathered and sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    emit_interval_ms: float = Field(default=500, gt=0, description="Time between two bursts.")
    burst: float = Field(default=100, gt=0, le=10_000, description="Events of a burst, in the mean.")
    max_batch_size: int = Field(default=256, ge=1, le=MOST_IN_A_REQUEST, description="Events sent together.")
    batch_timeout_ms: float = Field(default=1_000, gt=0, description="Longest wait for a batch to fill.")
    retry_attempts: int = Field(default=3, ge=0, description="Retries of a batch the receiver cannot take.")
    backoff_multiplier: float = Field(default=2.0, ge=1, description="By how much each wait is longer than the last.")
    circuit_breaker_enabled: bool = Field(default=True, description="Leave a receiver that is away in peace.")
    monitoring_interval: float = Field(default=30, gt=0, description="Seconds between two reports in the log.")
    max_buffer_size: int = Field(default=10_000, ge=1, description="Events that may wait to be sent.")
    enable_dead_letter_queue: bool = Field(default=True, description="Keep what cannot be delivered.")
    azure_connection_string: SecretStr | None = Field(
        default=None, description="Of 004's Event Hubs. Read and not used: there is no such sink yet."
    )
    follow_hours: bool = Field(default=False, description="Fewer events when fewer shops are busy.")
    first_backoff_ms: float = Field(default=500, gt=0, description="Wait before the first retry.")
    longest_backoff_ms: float = Field(default=30_000, gt=0, description="Longest wait before a retry.")
    breaker_failures: int = Field(default=5, ge=1, description="Failures in a row that open the circuit breaker.")
    breaker_reset_ms: float = Field(default=5_000, gt=0, description="How long it stays open before a new attempt.")
    request_timeout_ms: float = Field(default=10_000, gt=0, description="How long a receiver may take to answer.")
    stop_timeout_ms: float = Field(default=30_000, ge=0, description="How long a stop may go on sending.")


class HubConfig(BaseModel):
    """Where events go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hub: str = Field(
        default="retail-events",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the stream; begins the names of the files of a landing folder.",
    )


class StreamConfig(BaseModel):
    """Both sections."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    realtime: RealtimeConfig = RealtimeConfig()
    stream: HubConfig = HubConfig()

    @classmethod
    def from_file(cls, path: Path | str) -> StreamConfig:
        """Read a configuration file of 004.

        Raises:
            StreamConfigError: it cannot be read, is no JSON object, or a key or value of it is wrong.
        """
        try:
            content = json.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise StreamConfigError(f"{path}: cannot be read as JSON: {error}") from error
        if not isinstance(content, dict):
            raise StreamConfigError(f"{path}: holds no JSON object with the sections realtime and stream")
        try:
            return cls(**{name: content[name] for name in ("realtime", "stream") if name in content})
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise StreamConfigError(f"{path}: {faults}") from error

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.realtime.burst / self.realtime.emit_interval_ms * 1_000

    def at_rate(self, rate: float) -> StreamConfig:
        """The same with so many events a second, made in small steps.

        Args:
            rate: events a second, above 0.
        """
        interval = max(SHORTEST_INTERVAL_MS, 1_000 / rate)
        return self.model_copy(
            update={
                "realtime": self.realtime.model_copy(
                    update={"emit_interval_ms": interval, "burst": rate * interval / 1_000}
                )
            }
        )
