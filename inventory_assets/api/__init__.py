"""The HTTP service of the live layer: events in, status, stock and its history out.

Routes, problems and limits stand here; what an event is (`contracts.events`), how it is stored (`live.log`) and what
is read (`live.views`) do not. Invariants: an answer of 202 follows the commit; every refusal is a problem document;
nothing but a declared 503 begins with a 5.
"""
