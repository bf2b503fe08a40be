"""The processor: what waits in the queue becomes stock, one micro-batch a transaction.

`batch` is the transaction; `loading` reads what it needs, `state_rows`, `ledger_rows`, `telling` and `failing` write
what came of it, `tending` looks after what nobody asked for (retries, ageing, expiry), `worker` repeats all of it.
The rules of stock are not here but in `inventory_assets.stock`, and what an event is in `contracts.events`.
Invariants: an event is applied once or not at all; the state is the fold of the facts in the log; one bad event
fails alone.
"""
