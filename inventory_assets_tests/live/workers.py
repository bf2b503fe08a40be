"""What a worker process of the tests runs; imports no more than it needs, so that it starts fast."""

from __future__ import annotations

from inventory_assets.live.processor.worker import Worker
from inventory_assets.settings import ProcessorSettings

QUICK = ProcessorSettings(
    poll_seconds=0.02, window_seconds=0.0, retry_least=0.0, retry_most=0.01, wake_seconds=0.01, tend_seconds=0.05
)


def work_for_ever(url: str, number: int) -> None:
    """One of two workers, with small batches, until it is killed."""
    Worker(url, QUICK.model_copy(update={"batch_events": 40}), number=number, workers=2).run()
