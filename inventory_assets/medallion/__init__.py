"""Silver, gold and analytics as pure functions of frames: what a row means, what a figure is.

Functions take frames and values and return frames in the schema of their contract. Not here: reading and writing
tables, which days to compute, what time it is, and Dagster. The invariant: every non-lineage column depends on the
facts alone, not on the order, the cut or the repetition of deliveries.
"""
