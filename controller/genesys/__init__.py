"""Calls to an organisation: one transport, two dialects.

The only package that speaks HTTP to Genesys Cloud. Never decides what to publish.
"""
