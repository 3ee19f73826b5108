"""Tells people and programs what happened. Never blocks or fails a delivery.

`troubles` are what stands, and what people know of it; `events` compares the two, and says what to tell. `wording` and
`addressing` make one `document` for each receiver of the operator's rules. It waits in the `outbox`, a table of the
store, and the `dispatcher` sends it to its `target` until that takes it: at least once. `rendering` fills templates for
`slack` and `teams`, to which `chat` posts, and for `mail`; a `webhook` gets the document itself, signed, like the
messages to change management. `post` is what speaks HTTP, and a `receiver` is what the operator says of one.
"""
