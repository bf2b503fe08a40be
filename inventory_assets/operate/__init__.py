"""Running an installation: processes, progress, health. No data is computed here; the lake and the rooms are asked."""
