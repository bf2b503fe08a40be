"""Sources to bronze: readers of landing files, planning of a tick, loaders of public data sets."""
