"""What an event looks like: the envelope, the payload of every type, and how bytes of a request become both.

`reading` turns headers and bytes into envelopes, `catalogue` declares every type, `payloads` reads the payload of one
version and lifts old ones, `admission` says what happens to an event at the door, `problems` lists what can be wrong.
What an event does to stock is not here (`inventory_assets.stock.effects`). Nothing here reads a clock, a table or a
setting; the documents (JSON Schemas, AsyncAPI, docs/events.md) are written from these declarations by `make docs`.
"""
