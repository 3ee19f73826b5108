"""The wrap-up codes and members of queues: `/api/v2/routing/queues/{queueId}`."""

from __future__ import annotations

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer, records
from controller.simulator.problem import bad_request, not_found
from controller.simulator.resources import inventory, shapes
from controller.simulator.resources.kinds import KINDS, SimulatedKind
from controller.simulator.resources.resource import SimulatedResource

_QUEUES, _USERS, _CODES = KINDS["queue"], KINDS["user"], KINDS["wrap-up-code"]
_QUEUE = f"{_QUEUES.uri}/{{resourceId}}"


def _queue(call: ServedCall) -> SimulatedResource:
    return inventory.get(call.organization, _QUEUES, call.path["resourceId"])


def _belonging(call: ServedCall, kind: SimulatedKind) -> list[SimulatedResource]:
    """The users or wrap-up codes of the queue that are still there, by name."""
    own = _queue(call).parts
    return [one for one in inventory.resources_of(call.organization, kind) if one.id in own]


def _given(call: ServedCall, kind: SimulatedKind) -> list[tuple[SimulatedResource, dict[str, object]]]:
    """The resources that the body lists by id, and what it says of each. Raises 400, 404."""
    found = []
    for entry in records(call.json_value(), "body"):
        given = entry.get("id")
        if not isinstance(given, str):
            raise bad_request("Each entry needs an [id].")
        found.append((inventory.get(call.organization, kind, given), dict(entry)))
    return found


def list_codes(call: ServedCall) -> Response:
    codes = _belonging(call, _CODES)
    return answer(views.page(call, codes, lambda code: shapes.shown(call.organization, code)))


def add_codes(call: ServedCall) -> Response:
    """`POST …/wrapupcodes`, body `[{id}]`."""
    queue, given = _queue(call), _given(call, _CODES)
    inventory.keep(call.organization, queue)
    queue.parts |= {code.id: {} for code, _ in given}
    return answer([shapes.shown(call.organization, code) for code, _ in given])


def remove_code(call: ServedCall) -> Response:
    if _queue(call).parts.pop(call.path["codeId"], None) is None:
        raise not_found()
    return Response(status_code=204)


def list_members(call: ServedCall) -> Response:
    """`GET …/members`: a page without a total."""
    queue = _queue(call)

    def show(user: SimulatedResource) -> views.JSON:
        return {
            "id": user.id,
            "name": user.name,
            "user": shapes.shown(call.organization, user),
            "ringNumber": 1,
            "joined": True,
            **queue.parts[user.id],
            "memberBy": "user",
            "selfUri": f"{_QUEUES.uri}/{queue.id}/members/{user.id}",
        }

    page = views.page(call, _belonging(call, _USERS), show, maximum=100)
    return answer({field: value for field, value in page.items() if field not in ("total", "pageCount", "lastUri")})


def add_members(call: ServedCall) -> Response:
    """`POST …/members?delete=`, body `[{id, ringNumber}]`: adds the users, or removes them."""
    queue, given = _queue(call), _given(call, _USERS)
    inventory.keep(call.organization, queue)
    for user, said in given:
        if call.flag("delete"):
            queue.parts.pop(user.id, None)
        else:
            queue.parts[user.id] = _membership(said)
    return Response(status_code=204)


def change_member(call: ServedCall) -> Response:
    """`PATCH …/members/{memberId}`, body `{ringNumber, joined}`."""
    queue, member = _queue(call), call.path["memberId"]
    if member not in queue.parts:
        raise not_found()
    queue.parts[member] |= _membership(dict(call.json()))
    return Response(status_code=204)


def remove_member(call: ServedCall) -> Response:
    if _queue(call).parts.pop(call.path["memberId"], None) is None:
        raise not_found()
    return Response(status_code=204)


def _membership(said: dict[str, object]) -> dict[str, object]:
    """Ring number and joining, as far as they are given. Raises 400 for a ring number that is none."""
    ring = said.get("ringNumber")
    if ring is not None and (isinstance(ring, bool) or not isinstance(ring, int)):
        raise bad_request("[ringNumber] must be a whole number.")
    return {name: said[name] for name in ("ringNumber", "joined") if said.get(name) is not None}


_VIEW, _EDIT = _QUEUES.permission("view"), _QUEUES.permission("edit")
ENDPOINTS = (
    ServedEndpoint("GET", f"{_QUEUE}/wrapupcodes", list_codes, _VIEW),
    ServedEndpoint("POST", f"{_QUEUE}/wrapupcodes", add_codes, _EDIT),
    ServedEndpoint("DELETE", f"{_QUEUE}/wrapupcodes/{{codeId}}", remove_code, _EDIT),
    ServedEndpoint("GET", f"{_QUEUE}/members", list_members, _VIEW),
    ServedEndpoint("POST", f"{_QUEUE}/members", add_members, _EDIT),
    ServedEndpoint("PATCH", f"{_QUEUE}/members/{{memberId}}", change_member, _EDIT),
    ServedEndpoint("DELETE", f"{_QUEUE}/members/{{memberId}}", remove_member, _EDIT),
)
