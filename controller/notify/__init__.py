"""Sends messages to webhook receivers, signed where there is a secret. Never blocks or fails a delivery.

`event` makes a payload, the store keeps it (`OutboxPort`), and the `Dispatcher` sends it to its `Receiver` until the
receiver takes it: a message is sent at least once.
"""
