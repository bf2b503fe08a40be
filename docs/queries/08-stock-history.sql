-- Question: What stock did each location hold at the end of each month?
-- Tables: daily_inventory
-- Read: daily_inventory has a row for every day, so any day can be asked for: change the condition. units_on_hand adds
--   up the items whose stock is known; items_unknown are not in it. The last row of a location is the newest day of the
--   data, which need not be the end of a month.
SELECT
    location_id,
    event_date,
    sum(closing_on_hand)::BIGINT AS units_on_hand,
    count(closing_book) AS items_known,
    count(*) - count(closing_book) AS items_unknown,
    publish_id
FROM daily_inventory
WHERE event_date = last_day(event_date) OR event_date = (SELECT max(event_date) FROM daily_inventory)
GROUP BY ALL
ORDER BY location_id, event_date
