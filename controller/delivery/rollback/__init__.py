"""Bringing back what was live before: `policy` chooses the changes, `rollback` goes through them in reverse order.

`way_back` is one attempt for one flow, and `rebinding` publishes callers again whose modules went back after them.
"""
