"""Telling others: webhooks, commit statuses, pull-request comments. Never blocks a delivery."""
