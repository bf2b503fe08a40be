"""What an event does to stock: the only implementation of these rules, for batch and live alike.

`rules` states them for one event at a time, `fold` for frames; a property test holds the two together. The other
modules prepare what is folded (`movements`, `counts`) and read the result (`checkpoints`, `position`, `snapshot`).
Events come in by `effects` (what one event does), `deciding` (what a command becomes), `accounts` and `books` (one by
one), `effect_frames` (as frames), with the same `rules` and `fold` beneath; `notices` says what others are told.
Nothing here reads a table, a clock or a setting, and nothing removes duplicates: silver hands over one row a key.
"""
