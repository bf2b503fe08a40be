"""What an event does to stock: the only implementation of these rules, for batch and live alike.

`rules` states them for one event at a time, `fold` for frames; a property test holds the two together. The other
modules prepare what is folded (`movements`, `counts`) and read the result (`checkpoints`, `position`, `snapshot`).
Nothing here reads a table, a clock or a setting, and nothing removes duplicates: silver hands over one row a key.
"""
