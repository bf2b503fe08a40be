"""A synthetic retailer whose history is known exactly: landing files, the faults in them, and the truth about both.

`simulate_history` is pure; `write_history` writes what it returns. Nothing here reads the pipeline's rooms, so that the
truth is independent of the code it is held against. The event stream is in `stream` and `streaming`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inventory_assets.simulator.config import HistoryConfig

if TYPE_CHECKING:
    from inventory_assets.simulator.files import write_history
    from inventory_assets.simulator.history import SOURCE_SYSTEM, History, simulate_history, sources_toml

__all__ = ["SOURCE_SYSTEM", "History", "HistoryConfig", "simulate_history", "sources_toml", "write_history"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import what makes histories when it is asked for: the stream needs none of it, and half the memory without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "files" if name == "write_history" else "history"
    return getattr(import_module(f"{__name__}.{module}"), name)
