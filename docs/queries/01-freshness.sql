-- Question: How fresh is each table, and what is missing from it?
-- Tables: data_as_of
-- Read: Ask this first. newest_event_at is the last thing that happened in the table, freshness_hours its age when the
--   file was built. quarantined_rows were refused with a reason and are missing from the table; quarantined_units are
--   the units on them. A table without times of its own has null here, not 0.
SELECT
    table_name,
    row_count,
    newest_event_at,
    round(freshness_seconds / 3600, 1) AS freshness_hours,
    quarantined_rows,
    quarantined_units,
    lake_version,
    publish_id
FROM data_as_of
ORDER BY freshness_seconds DESC NULLS LAST, table_name
