"""What flows need of the organisation besides other flows: queues, data actions, data tables, prompts, schedules, ...

`kinds` is the simulator's own table of them, `inventory` finds, adds and removes them, `loading` reads them from a
file. The other modules are endpoints. Never uses the client's table of kinds: a mistake in both would hide itself.
"""
