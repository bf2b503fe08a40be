"""The DuckDB file for analysts: built aside, checked, then switched in one step.

What is not here: Dagster (the connection is handed in) and the lake (frames are handed in). Invariant: whatever
happens at whatever moment, a reader finds either the old file or the new one, whole, and every file carries one
publish id.
"""
