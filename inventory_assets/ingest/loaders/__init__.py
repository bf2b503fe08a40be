"""Published data sets and opening balances → landing files of our feeds.

A loader translates; it reads no lake, starts no run and invents no value. What a data set does not say and a table
needs is assumed in `contracts/sources.toml` or stays null. Loading one file twice leaves the landing folder as it was.
"""

from inventory_assets.ingest.loaders.common import LandingConflictError, LoadError, LoadResult
from inventory_assets.ingest.loaders.online_retail import load_online_retail
from inventory_assets.ingest.loaders.scms import load_scms
from inventory_assets.ingest.loaders.stock import load_stock

__all__ = ["LandingConflictError", "LoadError", "LoadResult", "load_online_retail", "load_scms", "load_stock"]
