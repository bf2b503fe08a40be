"""The database of the live layer: an embedded PostgreSQL server or any other, its schema, and connections to it.

`account`, `binaries`, `cluster` and `server` run the embedded one; `opening` connects to whichever the settings name;
`migrating` brings its schema to that of `live.tables`. What the tables mean stands there. Invariant: everybody
connects by URL; only `server` knows processes.
"""
