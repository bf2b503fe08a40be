"""The live layer: event log, queue and state in PostgreSQL.

What an event looks like stands in `contracts`, what it does to stock in `stock`. Invariant: nothing here imports a
batch room or Dagster, and no batch room imports anything from here; an installation without the live layer never
starts a database and never loads this package.
"""
