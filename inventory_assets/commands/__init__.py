"""One module a sub-command of `inventory`: reads options, calls a room, prints. No rule of the product stands here."""
