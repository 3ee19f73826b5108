"""Who may see and change what over HTTP: tokens, a proxy's header, a login; sessions, limits and the audit of writes.

`opening` makes it from the operator's settings. A request passes the `gate`; `access` is the one entrance behind it: it
finds the `person` (`identifying`, by `tokens`, a `proxy` or `sessions` that a `login` over `oidc` began), refuses
(`refusals`, by `statuses`), recognises `forgery`, limits `callers`, and keeps a record of `writes`. It never decides
what a write does, and it keeps no password and no token, only hashes of tokens.
"""
