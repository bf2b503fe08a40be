"""What is read out of the live tables for people and other systems: events and their status, stock, history, figures.

Reads only, in short statements, each with a snapshot of its own. Instants that count come from the caller.
"""
