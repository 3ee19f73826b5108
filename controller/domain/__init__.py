"""The vocabulary: identities, versions, statuses, the three states, ports, errors, redaction.

Imports nothing of ours, performs no I/O, and decides nothing.
"""
