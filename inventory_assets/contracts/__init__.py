"""What data looks like: every feed that arrives and every table we keep, each declared once.

The declarations are plain Python values: importing them costs nothing, so that the Dagster code location can show
column schemas without loading Polars. Everything else (Polars, Delta and pandera schemas, DuckDB comments, the data
dictionary) derives from them in `schemas` and `dictionary`. Rules about rows (what is a sale) belong to `medallion`.
"""
