"""`penstock schema`: the JSON Schema of the manifests, for editors."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of the manifests."""
    import json

    from controller.manifests import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
