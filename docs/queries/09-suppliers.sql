-- Question: Which suppliers deliver late or short?
-- Tables: kpi_supplier_on_time
-- Read: on_time_rate is lines that arrived by the promised day ÷ lines that arrived; fill_rate is units received ÷
--   units ordered on them. days_over_agreed compares the mean lead time with the agreed one: positive is slower than
--   agreed. Rates are null where nothing has arrived yet; null_reason says so.
SELECT
    supplier_id,
    supplier_name,
    order_lines,
    received_lines,
    round(on_time_rate, 4) AS on_time_rate,
    round(fill_rate, 4) AS fill_rate,
    round(lead_time_mean_days, 1) AS lead_time_days,
    round(lead_time_mean_days - agreed_lead_time_days, 1) AS days_over_agreed,
    null_reason,
    publish_id
FROM kpi_supplier_on_time
ORDER BY on_time_rate NULLS LAST, supplier_id
