"""The pages at `/`: what people see of all organisations, and the forms by which they steer.

Pages are made on the server from the store and from the manifests that were read last, so that they cost no call to an
organisation and every replica shows the same. `routes` joins them; `asked` knows the request and the person, and turns
errors into pages; `rendering` fills templates. `board`, `flow_list`, `flow`, `graph`, `records` and `actions`
each answer some addresses; `shown` and `paging` word values and links.

Nothing here decides who may do what, or carries anything out. A page holds no script or style of its own and loads
nothing from elsewhere; every value is text.
"""
