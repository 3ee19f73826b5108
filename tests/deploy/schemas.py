"""Files beside schemas of others, which check-jsonschema carries."""

from __future__ import annotations

from pathlib import Path

from check_jsonschema import main
from click.testing import CliRunner, Result


def checked(schema: str, path: Path) -> Result:
    """What `check-jsonschema --builtin-schema` says of a file: 1 where it is not valid."""
    transform = ["--data-transform", "gitlab-ci"] if "gitlab" in schema else []
    return CliRunner().invoke(main, ["--builtin-schema", schema, *transform, str(path)])
