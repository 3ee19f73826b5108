"""The error tree. The branch of an error decides how the loop continues; its fields give the reason and the next step.

`branches` holds the root and the five branches. The leaves are told apart by subject: `process`, `manifest`,
`repository`, `delivery` (as a whole), `organization` (its calls), `change` (of one flow), `api` and `forge`.

The code of a leaf is the name of its class in kebab case (`PlanStale`: `plan-stale`) and a heading in
docs/reference/errors.md: a new name is a new code. Raise an error with its cause (`raise ... from`).
Messages name the file, flow or request, and give the numbers. Registered secrets are masked in them.
"""
