"""The Delta tables: append once, replace days, what changed since.

What belongs here: everything that knows a table is a Delta table. What does not: what the rows mean (`contracts`,
`medallion`, `stock`) and when to run (`defs`). The invariant: a commit either holds all of its input or nothing of it,
and says in the table itself which input versions it consumed, so that progress is never kept anywhere else.
"""
