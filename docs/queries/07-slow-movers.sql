-- Question: Where does stock lie that has not sold for four weeks?
-- Tables: inventory_position, daily_inventory_summary, products
-- Read: One row a location and item with stock on hand and no sale there in the 28 days up to the newest sale of the
--   file. value_at_cost is null where the item master gives no cost. Warehouses do not sell, so only locations that
--   ever sold something are listed. last_sale is null for items that never sold there.
WITH newest AS (
    SELECT max(transaction_date) AS day FROM daily_inventory_summary
), sold AS (
    SELECT store_id AS location_id, product_sku, max(transaction_date) AS last_sale
    FROM daily_inventory_summary
    GROUP BY ALL
)
SELECT
    stock.location_id,
    stock.product_sku,
    master.product_name,
    stock.on_hand,
    stock.on_hand * master.unit_cost AS value_at_cost,
    master.currency,
    sold.last_sale,
    date_diff('day', sold.last_sale, newest.day) AS days_without_sale,
    stock.publish_id
FROM inventory_position stock
CROSS JOIN newest
LEFT JOIN sold USING (location_id, product_sku)
LEFT JOIN products master USING (product_sku)
WHERE stock.on_hand > 0
    AND stock.location_id IN (SELECT location_id FROM sold)
    AND (sold.last_sale IS NULL OR sold.last_sale <= newest.day - 28)
ORDER BY value_at_cost DESC NULLS LAST, location_id, product_sku
