"""Counts, durations and processor time of Penstock beside those of its peers, measured in one run.

`python -m benchmarks` measures everything and writes `benchmarks/results/` and `docs/benchmarks.md`; `--smoke` compares
counts of small cases with `benchmarks/baseline.json`. One module asks one question:

- `looks`: calls that a look at an organisation costs
- `deliveries`: duration and calls of a first delivery
- `sources`: processor time of `validate` and `plan`
- `starts`: processor time of short commands
- `graphs`, `traces`: large graphs and long traces
- `revisions`, `histories`: a big repository, a long history in the store
- `services`: an idle service with many organisations

`harness` runs them, `measure` holds the numbers and the ways to take them, `report` and `charts` write the page.
`workload` and `virtual` make organisations whose time is simulated; `peers` holds the programs that Penstock is
compared with. Nothing here is part of the product, and the product imports nothing of it.
"""
