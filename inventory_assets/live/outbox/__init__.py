"""What leaves: readers of the outbox, and the signed webhooks that read it.

`reading` is for every consumer: rows after an id, where a consumer stands, waiting for more. `webhooks` is what people
and the API do with webhooks, `keys` what makes that safe to repeat; `dispatcher` delivers them, with `sending`,
`addresses` and `signing`; `deliveries` is the log of that, `again` a range of it once more.
"""
