"""What people ask of several packages at once: status, graph, comparison, traces, import, preflight, recording.

Each module answers one question, from `controller.reconcile`'s services. None delivers anything.
"""
