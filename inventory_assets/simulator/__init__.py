"""A synthetic retailer whose history is known exactly: landing files, the faults in them, and the truth about both.

`simulate_history` is pure; `write_history` writes what it returns. Nothing here reads the pipeline's rooms, so that the
truth is independent of the code it is held against. The event stream is not here.
"""

from __future__ import annotations

from inventory_assets.simulator.config import HistoryConfig
from inventory_assets.simulator.files import write_history
from inventory_assets.simulator.history import SOURCE_SYSTEM, History, simulate_history, sources_toml

__all__ = ["SOURCE_SYSTEM", "History", "HistoryConfig", "simulate_history", "sources_toml", "write_history"]
