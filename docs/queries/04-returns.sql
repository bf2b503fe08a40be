-- Question: Which items come back most often?
-- Tables: product_performance, products
-- Read: return_rate is units returned ÷ units sold over all history. Units cancelled within 24 hours of the sale stand
--   beside it and are not in it. A rate over few units says little: look at units_sold. The table
--   has a row only for days on which the item sold, so what came back on other days is missing.
SELECT
    sold.product_sku,
    master.product_name,
    sum(sold.daily_quantity_sold)::BIGINT AS units_sold,
    sum(sold.returned_quantity)::BIGINT AS units_returned,
    sum(sold.cancelled_quantity)::BIGINT AS units_cancelled,
    round(sum(sold.returned_quantity) / nullif(sum(sold.daily_quantity_sold), 0), 4) AS return_rate,
    sold.publish_id
FROM product_performance sold
LEFT JOIN products master USING (product_sku)
GROUP BY ALL
HAVING units_returned > 0
ORDER BY return_rate DESC NULLS LAST, product_sku
