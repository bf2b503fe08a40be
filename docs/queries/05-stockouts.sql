-- Question: Where are items out of stock, and where does nobody know?
-- Tables: kpi_stockout, kpi_stock_unknown
-- Read: stockout_rate is a share of the items whose stock is known; items_unknown have no opening balance and no count
--   yet, so they are neither in nor out of stock. items_with_shortfall sold more than the record says was there: count
--   these first.
SELECT
    location_id,
    stockout.items_known,
    stockout.items_out_of_stock,
    round(stockout.stockout_rate, 4) AS stockout_rate,
    stockout.items_with_shortfall,
    unknown.items_unknown,
    round(unknown.unknown_share, 4) AS unknown_share,
    stockout.null_reason,
    stockout.publish_id
FROM kpi_stockout stockout
JOIN kpi_stock_unknown unknown USING (location_id)
ORDER BY stockout_rate DESC NULLS LAST, location_id
