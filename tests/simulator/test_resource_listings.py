"""What flows need of the organisation is listed as Genesys lists it: its own Python SDK reads every listing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.simulator.app import create_app
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.loading import parse_resources, read_resources
from controller.simulator.serve import running
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.simulator.conftest import BASE_URL, token
from tests.simulator.sources import SUPPORT
from tests.support import genesys_sdk
from tests.support.clock import SteppedClock

RESOURCES = Path(__file__).parent / "resources.yaml"
READ_BY: dict[str, tuple[str, str, str]] = {
    "queue": ("RoutingApi", "get_routing_queues", "QueueEntityListing"),
    "integration": ("IntegrationsApi", "get_integrations", "IntegrationEntityListing"),
    "data-action": ("IntegrationsApi", "get_integrations_actions", "ActionEntityListing"),
    "data-table": ("ArchitectApi", "get_flows_datatables", "DataTablesDomainEntityListing"),
    "user-prompt": ("ArchitectApi", "get_architect_prompts", "PromptEntityListing"),
    "system-prompt": ("ArchitectApi", "get_architect_systemprompts", "SystemPromptEntityListing"),
    "schedule": ("ArchitectApi", "get_architect_schedules", "ScheduleEntityListing"),
    "schedule-group": ("ArchitectApi", "get_architect_schedulegroups", "ScheduleGroupEntityListing"),
    "emergency-group": ("ArchitectApi", "get_architect_emergencygroups", "EmergencyGroupListing"),
    "skill": ("RoutingApi", "get_routing_skills", "SkillEntityListing"),
    "language-skill": ("RoutingApi", "get_routing_languages", "LanguageEntityListing"),
    "wrap-up-code": ("RoutingApi", "get_routing_wrapupcodes", "WrapupCodeEntityListing"),
    "flow-outcome": ("ArchitectApi", "get_flows_outcomes", "FlowOutcomeListing"),
    "flow-milestone": ("ArchitectApi", "get_flows_milestones", "FlowMilestoneListing"),
    "script": ("ScriptsApi", "get_scripts", "ScriptEntityListing"),
    "contact-list": ("OutboundApi", "get_outbound_contactlists", "ContactListEntityListing"),
    "knowledge-base": ("KnowledgeApi", "get_knowledge_knowledgebases", "KnowledgeBaseListing"),
    "survey-form": ("QualityApi", "get_quality_forms_surveys", "SurveyFormEntityListing"),
    "group": ("GroupsApi", "get_groups", "GroupEntityListing"),
    "user": ("UsersApi", "get_users", "UserEntityListing"),
    "division": ("AuthorizationApi", "get_authorization_divisions", "AuthzDivisionEntityListing"),
    "response-library": ("ResponseManagementApi", "get_responsemanagement_libraries", "LibraryEntityListing"),
    "response": ("ResponseManagementApi", "get_responsemanagement_responses", "ResponseEntityListing"),
    "guide": ("AIStudioApi", "get_guides", "GuideEntityListing"),
    "virtual-agent": ("AIStudioApi", "get_agentic_virtualagents", "AgenticVirtualAgentEntityListing"),
    "bot-connector": ("TextbotsApi", "get_textbots_bots_search", "BotSearchResponseEntityListing"),
    "grammar": ("ArchitectApi", "get_architect_grammars", "GrammarListing"),
    "utilization-label": ("RoutingApi", "get_routing_utilization_labels", "UtilizationLabelEntityListing"),
}
"""The SDK's method for each listing, and the model that it declares for the answer."""
LOADED = {
    "queue": ["Sales", "Services"],
    "integration": ["Billing"],
    "data-action": ["Find invoice", "Pay"],
    "system-prompt": ["hold_on", "on_hold_music", "processing"],
    "division": ["Care", "Home"],
    "response-library": ["Greetings"],
    "response": ["Hello"],
}
"""The names that listings show, where they are not those of the file."""


@pytest.fixture(scope="module")
def genesys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The SDK's client of a simulator that serves the resources of the file to all tests of this module."""
    sdk = genesys_sdk.imported()
    simulator = Simulator()
    simulator.load_resources(read_resources(RESOURCES))
    with pytest.MonkeyPatch.context() as patched, running(simulator) as url:
        patched.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        sdk.configuration.live_reload_config = False
        sdk.configuration.host = url
        client = sdk.api_client.ApiClient(host=url)
        client.get_client_credentials_token("penstock", "penstock-secret")
        yield client
        client.get_http_client().rest_client.pool_manager.clear()


def call(client: Any, api: str, method: str, kind: str, *arguments: Any, **options: Any) -> Any:
    """Call the SDK's method; the answer must fit its model in every field."""
    from tests.simulator.sdk_models import mistakes

    answer = getattr(getattr(genesys_sdk.imported(), api)(client), method)(*arguments, **options)
    assert list(mistakes(json.loads(client.last_response.data), kind)) == []
    return answer


def names_in_file(kind: str) -> list[str]:
    entries = read_resources(RESOURCES).entries
    return LOADED.get(kind) or [entry.name for entry in entries if entry.kind.name == kind]


def test_every_kind_is_read_by_a_method_of_the_sdk() -> None:
    assert set(READ_BY) == set(KINDS)


@pytest.mark.parametrize("kind", READ_BY)
def test_the_sdk_reads_a_listing_and_each_of_its_resources(genesys: Any, kind: str) -> None:
    api, method, model = READ_BY[kind]
    needed = [_library(genesys)] if kind == "response" else []
    options = {"expand": "schema"} if kind == "data-table" else {}
    if kind.endswith("prompt"):
        options = {"include_resources": True, "include_media_uris": True}
    listing = call(genesys, api, method, model, *needed, **options)
    assert [one.name for one in listing.entities] == names_in_file(kind)
    if kind == "bot-connector":
        return
    single = model.replace("sDomain", "").removesuffix("EntityListing").removesuffix("Listing")
    for entity in listing.entities:
        _read(genesys, KINDS[kind].uri, entity.id, {"Skill": "RoutingSkill"}.get(single, single))


def _library(genesys: Any) -> str:
    listing = call(genesys, *READ_BY["response-library"])
    return str(listing.entities[0].id)


def _read(genesys: Any, uri: str, resource_id: str, model: str) -> None:
    """Read one resource by its id, as any method of the SDK does: each has a name of its own."""
    from tests.simulator.sdk_models import mistakes

    models = {"Action": "Action", "Language": "Language", "AuthzDivision": "AuthzDivision"}
    kind = models.get(model, model)
    one = genesys.call_api(f"{uri}/{resource_id}", "GET", response_type=kind, auth_settings=["PureCloud OAuth"])
    assert one.id == resource_id
    assert list(mistakes(json.loads(genesys.last_response.data), kind)) == []


def test_what_a_kind_has_of_its_own_is_shown(genesys: Any) -> None:
    actions = call(genesys, *READ_BY["data-action"], secure="true").entities
    integrations = call(genesys, *READ_BY["integration"]).entities
    assert [(one.name, one.category, one.integration_id) for one in actions] == [
        ("Pay", "Billing", integrations[0].id),
    ]
    table = call(genesys, *READ_BY["data-table"], expand="schema").entities[0]
    assert {name: column["type"] for name, column in table.schema.properties.items()} == {
        "key": "string",
        "AgentsIdle": "integer",
        "Open": "boolean",
    }
    prompt = call(genesys, *READ_BY["user-prompt"], include_resources=True).entities[0]
    assert [one.language for one in prompt.resources] == ["en-us", "de-de"]
    resources = call(
        genesys, "ArchitectApi", "get_architect_prompt_resources", "PromptAssetEntityListing", prompt.id
    ).entities
    assert [one.tts_string for one in resources] == ["Welcome", "Welcome"]
    home = call(genesys, "AuthorizationApi", "get_authorization_divisions_home", "AuthzDivision")
    assert (home.name, home.home_division) == ("Home", True)
    categories = call(
        genesys, "IntegrationsApi", "get_integrations_actions_categories", "CategoryEntityListing"
    ).entities
    assert [one.name for one in categories] == ["Billing"]


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("routing/queues", "name=s*", ["Sales", "Services"]),
        ("routing/queues", "name=SALES", ["Sales"]),
        ("routing/queues", "name=ale", []),
        ("routing/queues", "sortOrder=desc", ["Services", "Sales"]),
        ("routing/queues", "pageSize=1&pageNumber=2", ["Services"]),
        ("routing/queues/divisionviews", "name=*s*", ["Sales", "Services"]),
        ("routing/skills", "name=fre", ["French"]),
        ("routing/skills", "name=rench", []),
        ("integrations/actions", "name=invo", ["Find invoice"]),
        ("integrations/actions", "category=Billing&secure=false", ["Find invoice"]),
        ("integrations/actions", "category=Other", []),
        ("architect/prompts", "name=other&name=Welcome", ["Welcome"]),
        ("guides", "nameContains=OOK", ["Booking"]),
        ("authorization/divisions", "name=ar", ["Care"]),
        ("textbots/bots/search", "botName=help&botType=AmazonLex", ["Helper"]),
        ("textbots/bots/search", "botType=GenesysBotFlow", []),
    ],
)
async def test_a_query_chooses_among_them(
    resources: httpx.AsyncClient, path: str, query: str, found: list[str]
) -> None:
    listing = (await resources.get(f"/api/v2/{path}?{query}")).raise_for_status().json()
    assert [one["name"] for one in listing["entities"]] == found


@pytest.fixture
def resources(api: httpx.AsyncClient, simulator: Simulator) -> httpx.AsyncClient:
    simulator.load_resources(read_resources(RESOURCES))
    return api


async def test_a_listing_by_cursor_goes_on_where_the_page_ended(api: httpx.AsyncClient, simulator: Simulator) -> None:
    names = [f"Base {number}" for number in range(5)]
    simulator.load_resources(parse_resources({"knowledge-base": names}))
    seen, address = [], "/api/v2/knowledge/knowledgebases?pageSize=2"
    while address:
        page = (await api.get(address)).json()
        seen += [one["name"] for one in page["entities"]]
        address = page.get("nextUri")
    assert seen == names


async def test_the_division_and_the_ids_choose(resources: httpx.AsyncClient) -> None:
    care = (await resources.get("/api/v2/authorization/divisions?name=Care")).json()["entities"][0]["id"]
    for query in (f"divisionId={care}", f"id={(await queue(resources, 'Sales'))['id']}"):
        listing = (await resources.get(f"/api/v2/routing/queues?{query}")).json()
        assert [one["name"] for one in listing["entities"]] == ["Sales"]


async def queue(api: httpx.AsyncClient, name: str) -> dict[str, Any]:
    return dict((await api.get("/api/v2/routing/queues", params={"name": name})).json()["entities"][0])


async def test_a_client_without_the_permission_is_told_which_one(simulator: Simulator) -> None:
    """403 names what is missing; some listings need no permission at all."""
    simulator.clients["poor"] = SimulatedClient("poor", "s", permissions=frozenset({"bridge:actions:view"}))
    refused: dict[str, int] = {}
    transport = httpx.ASGITransport(app=create_app(simulator))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        client.headers["Authorization"] = f"Bearer {await token(client, 'poor', 's')}"
        for kind in KINDS.values():
            answer = await client.get(kind.uri, params={"libraryId": "x"})
            refused[kind.name] = answer.status_code
            if answer.status_code == 403:
                assert answer.json()["messageParams"]["permissions"] == f"{kind.right}:view"
    open_to_all = {name for name, status in refused.items() if status == 200}
    assert open_to_all == {"data-action", "division", "group", "language-skill", "user"}


NEEDY = SUPPORT.replace(
    "          - disconnect:\n              name: Disconnect\n",
    """          - callData:
              category:
                Billing:
                  dataAction:
                    Find invoice: {inputs: {}}
          - dataTableLookup:
              dataTable:
                IVR Cache:
                  foundOutputs:
                    AgentsIdle: {var: Task.AgentsIdle}
          - transferToAcd:
              targetQueue:
                lit:
                  name: Services
          - playAudio:
              audio:
                prompt: Prompt.Welcome
""",
)
"""A flow that names a data action, a data table with a column, a queue and a prompt."""


async def test_what_flows_name_is_there_as_long_as_nothing_is_loaded(api: httpx.AsyncClient) -> None:
    await api.post("/_simulator/flows", json={"text": NEEDY.replace("Support", "Needy")})
    shown = (await api.get("/_simulator/resources?users=true")).json()
    assert shown["complete"] == []
    named = {kind: [one["name"] for one in listed] for kind, listed in shown["resources"].items() if listed}
    assert named == {
        "queue": ["Services"],
        "integration": ["Billing"],
        "data-action": ["Billing / Find invoice"],
        "data-table": ["IVR Cache"],
        "user-prompt": ["Welcome"],
        "system-prompt": ["on_hold_music", "processing"],
        "division": ["Care", "Home"],
    }
    assert shown["resources"]["queue"][0]["users"] == ["inboundcall/Needy"]
    assert shown["resources"]["data-table"][0]["columns"] == ["AgentsIdle"]
    listed = (await api.get("/api/v2/architect/prompts?includeResources=true")).json()["entities"][0]
    assert [one["language"] for one in listed["resources"]] == ["en-us"]
    read = (await api.get(listed["selfUri"])).json()
    assert (read["id"], read["name"]) == (listed["id"], "Welcome")


async def test_resources_from_flows_are_all_that_there_is(api: httpx.AsyncClient, simulator: Simulator) -> None:
    await api.post("/_simulator/flows", json={"text": NEEDY.replace("Support", "Needy")})
    before = (await api.get("/_simulator/resources?users=true")).json()
    simulator.load_resources(None)
    after = (await api.get("/_simulator/resources?users=true")).json()
    assert after["resources"] == before["resources"]
    named = {kind for kind, listed in after["resources"].items() if listed}
    assert set(after["complete"]) == named - {"system-prompt"}
    assert (await api.get("/api/v2/architect/prompts?includeResources=true")).json()["entities"][0]["resources"]
    await api.post("/_simulator/flows", json={"text": NEEDY.replace("Support", "Second").replace("Services", "Other")})
    assert [one["name"] for one in (await api.get("/api/v2/routing/queues")).json()["entities"]] == ["Services"]


async def test_a_queue_that_is_listed_has_the_id_that_dependency_tracking_tells(api: httpx.AsyncClient) -> None:
    made = (await api.post("/_simulator/flows", json={"text": NEEDY.replace("Support", "Needy")})).json()
    query = {"id": made["id"], "version": "1.0", "objectType": "INBOUNDCALLFLOW"}
    consumed = (await api.get("/api/v2/architect/dependencytracking/consumedresources", params=query)).json()
    ids = {one["type"]: one["id"] for one in consumed["entities"]}
    assert ids["QUEUE"] == (await queue(api, "Services"))["id"]
    assert (await api.get(f"/api/v2/flows/datatables/{ids['DATATABLE']}")).status_code == 200
    assert (await api.get(f"/api/v2/integrations/actions/{ids['DATAACTION']}")).status_code == 200


async def test_resources_are_shown_loaded_and_removed_from_outside(resources: httpx.AsyncClient) -> None:
    one = "/_simulator/resources?kind=queue"
    loaded = (await resources.post(one, json={"queue": ["Third", {"name": "Sales", "description": "x"}]})).json()
    assert [entry["name"] for entry in loaded["resources"]["queue"]] == ["Sales", "Services", "Third"]
    assert (await queue(resources, "Sales"))["description"] == "x"
    left = (await resources.delete(f"{one}&name=Third")).json()["resources"]["queue"]
    assert [entry["name"] for entry in left] == ["Sales", "Services"]
    await resources.delete(one)
    shown = (await resources.get(one)).json()
    assert shown == {"resources": {"queue": []}, "complete": []}
    emptied = (await resources.post(one, json={"queue": []})).json()
    assert emptied == {"resources": {"queue": []}, "complete": ["queue"]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"queu": []}, "'queu' is no kind of resource; did you mean 'queue'?"),
        ({"queue": "Sales"}, "queue must hold a list"),
        ({"queue": [{"title": "Sales"}]}, "each queue must be a name, or a mapping with a name"),
        ({"data-action": ["Pay"]}, "the data action 'Pay' has no category; write 'category / action'"),
        ({"data-table": [{"name": "T", "columns": {"a": "text"}}]}, "the columns of the data table 'T' must be names"),
        ({"data-table": [{"name": "T", "rows": [{"a": 1}]}]}, "each row of the data table 'T' must be a mapping"),
        (["queue"], "they are no mapping from kinds to lists"),
    ],
)
async def test_resources_with_a_mistake_are_refused(api: httpx.AsyncClient, given: object, told: str) -> None:
    answer = await api.post("/_simulator/resources", json=given)
    assert answer.status_code == 400
    assert told in answer.json()["message"]


async def test_an_unknown_name_or_kind_is_refused_with_what_was_meant(resources: httpx.AsyncClient) -> None:
    gone = await resources.delete("/_simulator/resources?kind=queue&name=Salse")
    assert (gone.status_code, "did you mean 'Sales'?" in gone.json()["message"]) == (404, True)
    assert (await resources.get("/_simulator/resources?kind=queues")).status_code == 400
    assert (await resources.delete("/_simulator/resources?name=Sales")).status_code == 400


async def test_resources_survive_a_restart(tmp_path: Path, clock: SteppedClock) -> None:
    first = Simulator(clock, state_file=tmp_path / "state.json")
    first.load_resources(read_resources(RESOURCES))
    again = Simulator(clock, state_file=tmp_path / "state.json")
    assert again.organization.state == first.organization.state
    assert len(again.organization.state.resources.by_id) > 25


@pytest.mark.parametrize("path", ["users/me", "routing/queues/me", "scripts/published", "integrations/types"])
async def test_what_stands_beside_resources_is_never_taken_for_one(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(f"/api/v2/{path}")
    assert (answer.status_code, "the simulator does not answer" in answer.json()["message"]) == (404, True)
