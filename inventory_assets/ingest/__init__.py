"""From files in a landing folder to rows of bronze.

`landing` lists and reads files, `planning` decides which of them a tick takes, `bronze.read_file` turns one file's
bytes into a frame of its bronze table, `validate` says the same to a person without writing anything. Nothing here
writes a table or knows Dagster; what a row means (what is a sale) belongs to `medallion`.

Invariant: whatever bytes arrive, every row of the file is in the frame, or the frame is the one row that says why not.
"""
