"""Forecasts of demand: series, models, backtests, the choice among models, and what is uncertain about them.

Pure functions over Polars frames and numpy arrays. Reading and writing tables is `pipeline.forecast`; stock, lead times
and orders are `replenishment`. Invariants: a forecast made at an origin uses days up to it and nothing later; a day
that was not observed (before launch, out of stock) is missing, never 0; the point forecast is a mean.
"""
