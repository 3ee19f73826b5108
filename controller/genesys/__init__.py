"""Calls to an organisation: one transport, two dialects.

The only package that knows HTTP towards Genesys Cloud. Never decides what to publish.
"""
