"""The rows of data tables: `/api/v2/flows/datatables/{datatableId}/rows`."""

from __future__ import annotations

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.problem import bad_request, conflict, not_found
from controller.simulator.resources import inventory, parts
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.resource import SimulatedResource

_TABLES = KINDS["data-table"]
_ROWS = f"{_TABLES.uri}/{{resourceId}}/rows"


def _table(call: ServedCall) -> SimulatedResource:
    return inventory.get(call.organization, _TABLES, call.path["resourceId"])


def _row(call: ServedCall, table: SimulatedResource) -> dict[str, object]:
    """The row in the body. Raises 400 for one without a key or with a field that is no column."""
    row = dict(call.json())
    properties = parts.schema(call.organization, table)["properties"]
    unknown = [name for name in row if isinstance(properties, dict) and name not in properties]
    if not isinstance(row.get("key"), str) or not row["key"] or unknown:
        what = f"the columns {', '.join(unknown)} do not exist" if unknown else "a row needs a [key]"
        raise bad_request(f"The row is not valid: {what}.", code="flows.datatables.syntax.error")
    return row


def list_rows(call: ServedCall) -> Response:
    """`GET …/rows`: the keys, or whole rows with `showbrief=false`."""
    rows = [row for _, row in sorted(_table(call).parts.items())]
    brief = (call.text("showbrief") or "true").lower() != "false"
    return answer(views.page(call, rows, lambda row: {"key": row["key"]} if brief else dict(row)))


def read_row(call: ServedCall) -> Response:
    """`GET …/rows/{rowId}`: the key, or the whole row with `showbrief=false`."""
    row = _stored_row(call)
    brief = (call.text("showbrief") or "true").lower() != "false"
    return answer({"key": row["key"]} if brief else row)


def _stored_row(call: ServedCall) -> dict[str, object]:
    row = _table(call).parts.get(call.path["rowId"])
    if row is None:
        raise not_found("Not found", code="flows.datatables.row.not.found")
    return row


def add_row(call: ServedCall) -> Response:
    """`POST …/rows`: 409 when the key is taken."""
    table = _table(call)
    row = _row(call, table)
    if str(row["key"]) in table.parts:
        raise conflict(f"A row with the key '{row['key']}' already exists.", entity=table.entity)
    return _keep_row(call, table, row)


def change_row(call: ServedCall) -> Response:
    """`PUT …/rows/{rowId}`: replaces the row, whose key stays."""
    _stored_row(call)
    table = _table(call)
    return _keep_row(call, table, _row(call, table) | {"key": call.path["rowId"]})


def _keep_row(call: ServedCall, table: SimulatedResource, row: dict[str, object]) -> Response:
    inventory.keep(call.organization, table)
    table.parts[str(row["key"])] = row
    return answer(row)


def delete_row(call: ServedCall) -> Response:
    _stored_row(call)
    del _table(call).parts[call.path["rowId"]]
    return Response(status_code=204)


ENDPOINTS = (
    ServedEndpoint("GET", _ROWS, list_rows, _TABLES.permission("view")),
    ServedEndpoint("POST", _ROWS, add_row, _TABLES.permission("add")),
    ServedEndpoint("GET", f"{_ROWS}/{{rowId}}", read_row, _TABLES.permission("view")),
    ServedEndpoint("PUT", f"{_ROWS}/{{rowId}}", change_row, _TABLES.permission("edit")),
    ServedEndpoint("DELETE", f"{_ROWS}/{{rowId}}", delete_row, _TABLES.permission("delete")),
)
