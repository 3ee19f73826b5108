"""One pass over one organisation, in steps; joins everything below. Prints nothing.

`settings`, `credentials` and `services` are what the process has. `workspace` is a revision, read. `loop` runs the
steps of a mode in order: `steps` checks out, locates and takes the organisation (`ownership`) and resumes unfinished
work (`pauses`); `plan_steps` observes (`observe`, `confirming`, `pruning`) and plans; `records` commits the delivery,
`drift` notes it. `rollback` is the one mode that starts from a person's choice. `report` is the result, `health` the
judgement.
"""
