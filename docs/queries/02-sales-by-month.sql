-- Question: How do revenue and units develop by month?
-- Tables: kpi_sales_by_day
-- Read: One row a month and currency; amounts of different currencies are never added. days_with_sales tells a month
--   that is only half there from a weak one: compare revenue_a_day, not revenue. units_demanded leaves out what was
--   cancelled within 24 hours.
SELECT
    date_trunc('month', transaction_date)::DATE AS month,
    currency,
    count(*) AS days_with_sales,
    sum(units_sold)::BIGINT AS units_sold,
    sum(units_demanded)::BIGINT AS units_demanded,
    sum(revenue) AS revenue,
    round(sum(revenue) / count(*), 2) AS revenue_a_day,
    publish_id
FROM kpi_sales_by_day
GROUP BY ALL
ORDER BY currency, month
