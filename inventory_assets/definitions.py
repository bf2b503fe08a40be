"""The code location: everything below `defs/`. No logic lives here.

The modules are named, because `load_from_defs_folder` wants a pyproject.toml above the package and an installed
package has none.
"""

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, jobs, schedules, sensors and resources."""
    from inventory_assets.defs import (
        analytics,
        bronze,
        gold,
        jobs,
        maintenance,
        nightly,
        publish,
        purge,
        quality,
        schedules,
        sensors,
        silver,
        watch,
    )
    from inventory_assets.defs.resources import resources

    return dg.Definitions(
        assets=dg.load_assets_from_modules([bronze, silver, gold, analytics, quality, publish], include_specs=True),
        asset_checks=[watch.newest_days],
        jobs=[
            jobs.refresh, nightly.nightly_key_check, maintenance.maintain, maintenance.restore, watch.watch,
            purge.purge,
        ],
        schedules=[
            schedules.hourly_suppliers, schedules.daily_snapshot, watch.hourly_watch, nightly.every_night,
            purge.nightly_purge, maintenance.weekly_maintenance,
        ],
        sensors=[sensors.landing],
        resources=resources(),
        executor=dg.in_process_executor,
    )
