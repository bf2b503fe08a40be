"""Silver, gold and analytics: pure functions from frames to frames.

Nothing here reads a clock, a folder, a table or a setting: rows, profiles and decisions come in as arguments, frames
by table path go out. Reading, writing and planning which days to rebuild belong to `lakehouse` and `defs`.
"""
