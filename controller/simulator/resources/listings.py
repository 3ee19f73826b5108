"""Lists and reads resources of every kind, as `GET` of their paths does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.architect.filters import wildcard
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.problem import bad_request
from controller.simulator.resources import parts, shapes
from controller.simulator.resources.inventory import complete, get, resources_of
from controller.simulator.resources.kinds import KINDS, NameFilter, SimulatedKind
from controller.simulator.resources.resource import SimulatedResource

Test = Callable[[SimulatedResource], bool]
_NOT_ALL = {"Penstock-Complete": "false"}
"""A header, because Genesys' Python SDK takes a 206 for an error."""


def list_all(kind: SimulatedKind, call: ServedCall) -> Response:
    """One page of the resources that the query chooses, by name.

    A header says where the organisation has more than it lists: any that a flow names.
    """
    chosen = _chosen(kind, call)
    show = partial(expanded, call)
    headers = {} if complete(call.organization, kind) else _NOT_ALL
    if kind.cursor:
        return answer(_cursor_page(call, kind, chosen), headers=headers)
    page = views.page(call, chosen, show, maximum=kind.largest)
    return answer(_without_addresses(page) if kind.name == "virtual-agent" else page, headers=headers)


def _without_addresses(page: views.JSON) -> views.JSON:
    """A page without the addresses of other pages, which some listings do not have."""
    return {field: value for field, value in page.items() if not field.endswith("Uri")}


def _chosen(kind: SimulatedKind, call: ServedCall) -> list[SimulatedResource]:
    tests = [*_name_tests(kind, call), *_other_tests(kind, call)]
    found = [one for one in resources_of(call.organization, kind) if all(test(one) for test in tests)]
    return found[::-1] if (call.text("sortOrder") or "").lower().startswith("desc") else found


def _name_tests(kind: SimulatedKind, call: ServedCall) -> Iterator[Test]:
    names = call.request.query_params.getlist("name")
    wanted = [name.lower() for name in names if name] if kind.names is not NameFilter.NONE else []
    if not wanted:
        return
    if kind.names is NameFilter.WILDCARD:
        patterns = [wildcard(name) for name in wanted]
        yield lambda one: any(fits(one.name) for fits in patterns)
    elif kind.names is NameFilter.PREFIX:
        yield lambda one: one.name.lower().startswith(tuple(wanted))
    else:
        # A search term may come with the stars of other listings.
        yield lambda one: any(name.strip("*") in one.name.lower() for name in wanted)


def _other_tests(kind: SimulatedKind, call: ServedCall) -> Iterator[Test]:
    """By id, division, category, library, part of the name and `secure`, where the kind has that."""
    if ids := (*call.many("id"), *call.many("ids")):
        yield lambda one: one.id in ids
    if divisions := (*call.many("divisionId"), *call.many("divisionIds")) if kind.divided else ():
        yield lambda one: views.division(call.organization, one.division)["id"] in divisions
    if kind.name == "data-action" and (category := call.text("category")):
        yield lambda one: one.parent == category
    if kind.name == "data-action" and (secure := call.text("secure")):
        yield lambda one: bool(one.fields.get("secure")) == (secure.lower() == "true")
    if kind.name == "response":
        library = call.required("libraryId")
        yield lambda one: any(ref["id"] == library for ref in _libraries(call, one))
    if kind.name == "response-library" and (prefix := call.text("libraryPrefix")):
        yield lambda one: one.name.lower().startswith(prefix.lower())
    if part := call.text("nameContains"):
        yield lambda one: part.lower() in one.name.lower()


def _libraries(call: ServedCall, response: SimulatedResource) -> list[dict[str, str]]:
    listed = shapes.shown(call.organization, response)["libraries"]
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _cursor_page(call: ServedCall, kind: SimulatedKind, chosen: list[SimulatedResource]) -> views.JSON:
    """A page after the cursor, which is the position of its first row. Raises 400 for another cursor."""
    size = min(
        call.number("pageSize", call.number("limit", 25, maximum=kind.largest), maximum=kind.largest),
        call.organization.settings.largest_page,
    )
    start = call.number("after", 0, minimum=0)
    page: views.JSON = {
        "entities": [shapes.shown(call.organization, one) for one in chosen[start : start + size]],
        "selfUri": kind.uri,
    }
    if start + size < len(chosen):
        page["nextUri"] = f"{kind.uri}?after={start + size}&pageSize={size}"
    return page


def read_one(kind: SimulatedKind, call: ServedCall) -> Response:
    """`GET …/{id}`."""
    return answer(expanded(call, get(call.organization, kind, call.path["resourceId"])))


def expanded(call: ServedCall, resource: SimulatedResource) -> views.JSON:
    """The resource with what the query asks for: the schema of a data table, the resources of a prompt."""
    built = shapes.shown(call.organization, resource)
    if resource.kind == "data-table" and "schema" in call.many("expand"):
        built["schema"] = parts.schema(call.organization, resource)
    if resource.kind in parts.PROMPTS and call.flag("includeResources"):
        languages = call.many("language")
        built["resources"] = [
            prompt_resource(call, resource, language, part)
            for language, part in parts.prompt_languages(call.organization, resource).items()
            if not languages or language in languages
        ]
    return built


PROMPT_STORAGE = "/_storage/prompts"
_STORED = ("audio", "bytes")
"""What the state holds of a prompt's resource and no answer shows."""


def prompt_resource(call: ServedCall, prompt: SimulatedResource, language: str, part: dict[str, object]) -> views.JSON:
    """A `PromptAsset`, with the URLs to send and to fetch its audio."""
    storage = call.url(f"{PROMPT_STORAGE}/{prompt.id}/{language}")
    built: views.JSON = {
        "uploadStatus": "created",
        "languageDefault": False,
        "tags": {},
        **{field: value for field, value in part.items() if field not in _STORED},
        "id": language,
        "promptId": prompt.id,
        "language": language,
        "uploadUri": storage,
        "selfUri": f"{KINDS[prompt.kind].uri}/{prompt.id}/resources/{language}",
    }
    return built | ({"mediaUri": storage} if "audio" in part else {})


def list_prompt_resources(kind: SimulatedKind, call: ServedCall) -> Response:
    """`GET …/{promptId}/resources`."""
    prompt = get(call.organization, kind, call.path["resourceId"])
    spoken = list(parts.prompt_languages(call.organization, prompt).items())
    return answer(views.page(call, spoken, lambda item: prompt_resource(call, prompt, *item), maximum=kind.largest))


def home_division(call: ServedCall) -> Response:
    """`GET /api/v2/authorization/divisions/home`."""
    division = get(call.organization, KINDS["division"], call.organization.division_id)
    return answer(shapes.shown(call.organization, division))


def categories(call: ServedCall) -> Response:
    """`GET /api/v2/integrations/actions/categories`: the names of the integrations that have data actions."""
    names = sorted({one.parent for one in resources_of(call.organization, KINDS["data-action"])})
    return answer(_without_addresses(views.page(call, names, lambda name: {"name": name})))


def find_bots(call: ServedCall) -> Response:
    """`GET /api/v2/textbots/bots/search`, by a part of the name, by type or by id; there are no pages."""
    name, ids = (call.text("botName") or "").lower(), call.many("botId")
    if name and ids:
        raise bad_request("Bots are found by [botName] or by [botId], not by both.")
    types = call.many("botType")
    most = call.number("pageSize", 25, maximum=100)
    bots = [
        shapes.shown(call.organization, bot)
        for bot in resources_of(call.organization, KINDS["bot-connector"])
        if name in bot.name.lower() and (not ids or bot.id in ids)
    ]
    return answer({"entities": [bot for bot in bots if not types or bot["botType"] in types][:most]})


def _endpoints(kind: SimulatedKind) -> Iterator[ServedEndpoint]:
    view = kind.permission("view")
    yield ServedEndpoint("GET", kind.uri, partial(list_all, kind), view)
    yield ServedEndpoint("GET", f"{kind.uri}/{{resourceId}}", partial(read_one, kind), view)
    if kind.name in parts.PROMPTS:
        uri = f"{kind.uri}/{{resourceId}}/resources"
        yield ServedEndpoint("GET", uri, partial(list_prompt_resources, kind), view)


_DIVISIONVIEWS = {
    "queue": "routing:queue:search",
    "data-table": "architect:datatable:search",
}
"""Kinds with a listing for clients that may find but not view, and its permission."""
ENDPOINTS = (
    ServedEndpoint("GET", "/api/v2/authorization/divisions/home", home_division),
    ServedEndpoint(
        "GET", "/api/v2/integrations/actions/categories", categories, KINDS["data-action"].permission("view")
    ),
    ServedEndpoint("GET", KINDS["bot-connector"].uri, find_bots, KINDS["bot-connector"].permission("view")),
    *(
        ServedEndpoint("GET", f"{KINDS[name].uri}/divisionviews", partial(list_all, KINDS[name]), (right,))
        for name, right in _DIVISIONVIEWS.items()
    ),
    *(
        endpoint
        # The path of the data actions lies below that of the integrations.
        for kind in sorted(KINDS.values(), key=lambda kind: kind.uri, reverse=True)
        if kind.name != "bot-connector"
        for endpoint in _endpoints(kind)
    ),
)
