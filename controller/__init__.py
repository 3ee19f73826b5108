"""Penstock: the GitOps controller for Genesys Cloud flows.

The packages below are layers; each imports only lower ones (docs/concepts/architecture.md).
"""

__version__ = "0.2.0"
