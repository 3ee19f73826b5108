"""`penstock token`: makes a bearer token and the entry of the operator's file that knows it."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml

from controller.domain.clock import SystemClock
from controller.service.access.person import EVERY, Role
from controller.service.access.tokens import expiry, new_entry, new_token

_LONGEST_DAYS = 3650


def token(
    name: Annotated[str, typer.Argument(help="Who will use it: the person that the audit log shows.")],
    role: Annotated[Role, typer.Option("--role", help="read, or operate, which may change something, too.")],
    organization: Annotated[
        list[str] | None,
        typer.Option("--organization", "-o", help="Only in organisations that match; may be given several times."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=_LONGEST_DAYS, help="Days after which it is refused.")] = 90,
) -> None:
    """Print a new token on the first line, then its entry. Nothing keeps the token. Raises SettingsInvalid."""
    made = new_token()
    entry = new_entry(made, name, role, organization or (EVERY,), expiry(SystemClock().now(), days))
    print(made)
    print("\n# Give the token to its user now: it is not shown again. The file of PENSTOCK_TOKENS_FILE gets its entry:")
    print(yaml.safe_dump({"tokens": [entry.model_dump(mode="json")]}, sort_keys=False, allow_unicode=True), end="")
