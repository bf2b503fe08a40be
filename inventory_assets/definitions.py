"""The code location: everything below `defs/`. No logic lives here.

The modules are named, because `load_from_defs_folder` wants a pyproject.toml above the package and an installed
package has none.
"""

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, jobs, schedules, sensors and resources."""
    from inventory_assets.defs import analytics, bronze, gold, jobs, publish, purge, quality, schedules, sensors, silver
    from inventory_assets.defs import forecast as ahead
    from inventory_assets.defs import live_log as log
    from inventory_assets.defs import live_upkeep as live
    from inventory_assets.defs import maintenance as upkeep
    from inventory_assets.defs import nightly as night
    from inventory_assets.defs import replanning as soon
    from inventory_assets.defs import replenishment as planning
    from inventory_assets.defs import watch as by_clock
    from inventory_assets.defs.resources import resources

    return dg.Definitions(
        assets=dg.load_assets_from_modules(
            [bronze, log, silver, gold, analytics, ahead, quality, planning, publish], include_specs=True
        ),
        asset_checks=[by_clock.newest_days],
        jobs=[
            *(jobs.refresh, night.nightly_key_check, ahead.nightly_forecast, planning.replenish, by_clock.watch),
            *(upkeep.maintain, upkeep.restore, purge.purge, live.live_upkeep),
        ],
        schedules=[
            *(schedules.hourly_suppliers, schedules.daily_snapshot, by_clock.hourly_watch),
            *(night.every_night, ahead.forecast_every_night, planning.every_night),
            *(purge.nightly_purge, upkeep.weekly_maintenance, live.nightly_live_upkeep),
        ],
        sensors=[sensors.landing, soon.replanning],
        resources=resources(),
        executor=dg.in_process_executor,
    )
