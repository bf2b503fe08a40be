"""One function a step: read pinned inputs, call the pure rooms, write, report what was replaced.

Steps are plain functions of a workspace, so that Dagster, the command line, tests and benchmarks run the same code.
What belongs here: which days are dirty, in which blocks they are computed, what is written in which order. What does
not: what a row means (`medallion`, `stock`), how a table is kept (`lakehouse`), when to run (`defs`). The invariant:
running a step again after any crash gives the same tables, and running it with nothing new writes nothing.
"""
