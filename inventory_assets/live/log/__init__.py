"""The event log: `appending` writes it, `reading` reads it by range.

What an event means is not known here; an event is what has to be kept of it. Invariant: the order of sequences is the
order of commits, so whoever read up to a position has seen everything below it.
"""
