"""Replenishment, how much to order and when: the theory, a simulator of policies, and the rules that make proposals.

Not here: reading and writing tables, forecasts, clocks. Theory takes numbers; what turns tables into policies,
proposals and figures (`policy_levels`, `proposing`, `projecting` …) takes frames.

Conventions of the theory:

- **Numpy in, numpy out, one row an item.** Every argument may be a number or an array; they are broadcast, and results
  have the broadcast shape (`frame["column"].to_numpy()` brings a Polars column here). What has a second axis (tiers of
  a price list, periods, stores, samples) says so.
- **Units.** Quantities are units of the item, times are periods, and all arguments of a call use the same period: a
  demand rate a day goes with a lead time in days and a holding cost a unit and day. Nothing is scaled silently.
- **Demand is a distribution** (`distributions`), of exactly the interval its argument names: over the lead time, over
  lead time and review period, or a single period.
- **Service is named**, never "service level": *cycle service* is the share of replenishment cycles without a stock-out,
  *fill rate* the share of units delivered at once, *ready rate* the share of time with stock on hand.
- **Bad input stops the call** with `domain.InvalidInput`, which names the parameter, the rule and the rows. Who has
  rows of mixed quality calls `domain.by_row`: it returns nan for these rows and the reason beside it.
- scipy is imported inside functions, so that importing this package costs nothing.

Invariant: nothing here reads a clock, an environment or a file; who needs random numbers is handed their source.
"""
