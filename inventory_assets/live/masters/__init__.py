"""What the lake knows of items and locations, as the live layer uses it: rules of what counts, masters, thresholds.

Published as a whole by whoever joins both sides (`operate.live_masters`); read here by workers, rebuild and views.
"""
