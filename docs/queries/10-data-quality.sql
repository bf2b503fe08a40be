-- Question: How many rows of each source are used, refused, repeated?
-- Tables: kpi_data_quality
-- Read: rows_in = rows_used + rows_quarantined + rows_repeated; rows_unexplained is the difference and always 0.
--   accepted_share leaves repeats out. main_reason is the reason of most refused rows; `inventory status` and the table
--   silver/quarantine of the lake name the rows themselves.
SELECT
    feed,
    source_system,
    rows_in,
    rows_used,
    rows_quarantined,
    rows_repeated,
    rows_unexplained,
    round(accepted_share, 4) AS accepted_share,
    main_reason,
    main_reason_rows,
    units_quarantined,
    publish_id
FROM kpi_data_quality
ORDER BY accepted_share NULLS LAST, feed, source_system
