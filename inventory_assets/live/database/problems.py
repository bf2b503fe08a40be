"""What can be wrong with the database, by name. Messages say what, where, and what to do."""

from __future__ import annotations


class DatabaseError(RuntimeError):
    """The database cannot be used; every other error of this package is one of these."""


class DatabaseDownError(DatabaseError):
    """Nobody answers at the URL, or the embedded server does not run."""


class DatabaseUnfitError(DatabaseError):
    """A database answers but is not one this program can use."""


class DatabaseNewerError(DatabaseUnfitError):
    """The schema was written by a newer version of this program."""


class BinariesError(DatabaseError):
    """The programs of PostgreSQL are missing or do not run here."""


class AccountError(DatabaseError):
    """There is no ordinary user the server could run as, or that user cannot reach its folder."""


class ServerStartError(DatabaseError):
    """The embedded server did not start; the message holds the end of its log."""


class ServerStopError(DatabaseError):
    """The embedded server did not stop, or is not ours to stop."""
