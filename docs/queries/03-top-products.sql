-- Question: Which items bring the first 80 % of the revenue?
-- Tables: kpi_top_products
-- Read: Items in order of revenue, a ranking a currency. cumulative_share is the share of this item and all before it;
--   the list ends with the item that carries it over 80 %. These are the A items of an ABC analysis by revenue. A name
--   is null where the item master does not know the item; null_reason says so.
SELECT
    currency,
    revenue_rank,
    product_sku,
    product_name,
    category,
    units_sold,
    revenue,
    round(sum(revenue_share) OVER ranking, 4) AS cumulative_share,
    null_reason,
    publish_id
FROM kpi_top_products
WINDOW ranking AS (PARTITION BY currency ORDER BY revenue DESC, product_sku ROWS UNBOUNDED PRECEDING)
QUALIFY sum(revenue_share) OVER ranking - revenue_share < 0.8
ORDER BY currency, revenue_rank, product_sku
