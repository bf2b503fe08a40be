"""Silver, gold and analytics as pure functions of frames: no Dagster, no storage, no clock.

Every function takes lazy frames in the shape of the contracts and gives lazy frames in the shape of the contracts.
Reading, checking and writing belong to `lakehouse` and `defs`.
"""
