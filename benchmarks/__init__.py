"""One script a figure, run as `python -m benchmarks.<name>`; ratios come from one run on one machine.

Every script prints its result as JSON and as a row of docs/benchmarks.md; with `--save` it keeps the JSON in
`benchmarks/results/` and writes the page anew from all results kept there. Nothing here is part of the installed
package.
"""
