"""Parts of events that failed for good: found together, looked at, put back, corrected, or given up by a person.

`patterns` finds what failed together, `looking` shows, `handling` is what people and the recoveries do. How a part gets
here is in `processor.failing`. Invariant: whatever is done to a dead letter leaves a row in the audit log.
"""
