"""Sends messages to webhook receivers, signed where there is a secret. Never blocks or fails a delivery.

A message waits in the `outbox`, a table of the store, and the `dispatcher` sends it to its `receiver` by `webhook`
until the receiver takes it: a message is sent at least once.
"""
