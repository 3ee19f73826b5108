"""`penstock schema`: the JSON Schema of the manifests, for editors."""

from __future__ import annotations

import json

from controller.manifests.schema import json_schema


def schema() -> None:
    """Print the schema."""
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
