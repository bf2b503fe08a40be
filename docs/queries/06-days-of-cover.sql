-- Question: Which items run out first?
-- Tables: inventory_position, inventory_optimization_features, products
-- Read: days_of_cover is units on hand ÷ mean daily demand of the last 90 days of data, by location and item that sold
--   there. at_reorder_point says that the stock on hand is at or below the reorder point of the item master; what is on
--   order is not counted here. Items whose stock is unknown are left out; question 5 counts them.
WITH demand AS (
    SELECT store_id AS location_id, product_sku, sum(avg_daily_sales) AS units_a_day
    FROM inventory_optimization_features
    GROUP BY ALL
)
SELECT
    stock.location_id,
    stock.product_sku,
    master.product_name,
    stock.on_hand,
    round(demand.units_a_day, 2) AS units_a_day,
    round(stock.on_hand / demand.units_a_day, 1) AS days_of_cover,
    master.reorder_point,
    stock.on_hand <= master.reorder_point AS at_reorder_point,
    stock.stock_basis,
    stock.last_count_at,
    stock.publish_id
FROM inventory_position stock
JOIN demand USING (location_id, product_sku)
LEFT JOIN products master USING (product_sku)
WHERE stock.on_hand IS NOT NULL AND demand.units_a_day > 0
ORDER BY days_of_cover, location_id, product_sku
