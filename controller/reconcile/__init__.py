"""One pass over one organisation, in steps; joins everything below. Prints nothing.

`settings`, `credentials` and `services` are what the process has. `workspace` is a revision, read. `loop` runs the
steps of a mode in order: `steps` checks out, locates and takes the organisation (`ownership`), resumes unfinished work
(`pauses`), lists the flows (`listing`: all of them, or what a short one of `looks` adds), observes what a plan needs
beyond that (`observe`), tells its `own_deliveries` from out-of-band changes, plans and delivers; `records` commits the
delivery, `drift` notes it. `rollback` is the one mode that starts from a person's choice, and `branch` reads the two
sides of a pull request. `report` is the result, `health` the judgement. `notifying` tells people of it: of what
`findings` and `found_troubles` see, by the rules of `notifications`; `announcing` sends to the `receivers` of the
operator's `configuration`.
"""
