<<<<<<< HEAD
"""Silver, gold and analytics as pure functions of frames: no Dagster, no storage, no clock.

Every function takes lazy frames in the shape of the contracts and gives lazy frames in the shape of the contracts.
Reading, checking and writing belong to `lakehouse` and `defs`.
=======
"""Silver, gold and analytics: pure functions from frames to frames.

Nothing here reads a clock, a folder, a table or a setting: rows, profiles and decisions come in as arguments, frames
by table path go out. Reading, writing and planning which days to rebuild belong to `lakehouse` and `defs`.
>>>>>>> silver
"""
