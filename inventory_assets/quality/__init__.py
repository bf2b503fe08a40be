"""Checks of what is stored: contracts, keys, balances. Checks of rows before a write stand in `contracts.schemas`."""
