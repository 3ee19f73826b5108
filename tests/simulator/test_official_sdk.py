"""Genesys' own Python SDK works against the simulator unchanged: nothing is told to it but the address."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from controller.flows.flow_file import parse
from controller.simulator.faults import Fault, FaultKind
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.sources import GREETING, MAIN, SUPPORT, changed
from tests.support import genesys_sdk
from tests.support.patience import PATIENCE_S

sdk = genesys_sdk.imported()

OTHER_DIALECT = frozenset({"$.flowId", "$.version", "$.status", "$.definition"})
"""One route serves both dialects at once: its answer has these fields besides those that the SDK knows."""

VERSIONED = ("flowId", "version", "status", "definition")
"""What one version tells to clients of the versioned dialect on the same path."""


@pytest.fixture
def simulator(folder: Path) -> Simulator:
    settings = SimulatorSettings(publish_s=0.1, upload_s=0.1, export_s=0.1, validate_s=0.1, launch_s=0.1, time_scale=2)
    simulator = Simulator(settings=settings)
    simulator.load_folder(folder)
    return simulator


class Caller:
    """The SDK's client; every answer is checked against the model that the SDK declares for it."""

    def __init__(self, url: str) -> None:
        sdk.configuration.live_reload_config = False
        sdk.configuration.host = url
        self.client = sdk.api_client.ApiClient(host=url)
        self.client.get_client_credentials_token("penstock", "penstock-secret")
        self.architect = sdk.ArchitectApi(self.client)
        self.http = urllib3.PoolManager()

    def close(self) -> None:
        self.http.clear()
        self.client.get_http_client().rest_client.pool_manager.clear()

    def call(self, method: str, *arguments: Any, kind: str, besides: tuple[str, ...] = (), **options: Any) -> Any:
        """Call the SDK's method; the answer must fit its model in every field, besides those of the other dialect."""
        from tests.simulator.sdk_models import mistakes

        answer = getattr(self.architect, method)(*arguments, **options)
        body = json.loads(self.client.last_response.data)
        assert list(mistakes({key: body[key] for key in body if key not in besides}, kind)) == []
        return answer

    def until(self, method: str, *arguments: Any, kind: str, done: Callable[[Any], bool], **options: Any) -> Any:
        """Poll as a program would."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = self.call(method, *arguments, kind=kind, **options)
            if done(answer):
                return answer
            time.sleep(0.02)
        raise AssertionError(f"{method} was not done in time")

    def headers(self) -> Any:
        return self.client.last_response.getheaders()


@pytest.fixture
def genesys(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with running(simulator) as url:
        caller = Caller(url)
        yield caller
        caller.close()


def main_id(simulator: Simulator) -> str:
    return simulator.flow("inboundcall", "Main IVR").id


def finished(job: Any) -> bool:
    return job.status in ("Success", "Failure")


def upload(genesys: Caller, text: str) -> Any:
    registered = genesys.call("post_flows_jobs", kind="RegisterArchitectJobResponse")
    sent = genesys.http.request("PUT", registered.presigned_url, body=text.encode(), headers=registered.headers)
    assert sent.status == 200
    return genesys.until(
        "get_flows_job", registered.id, kind="ArchitectJobStateResponse", done=finished, expand=["messages"]
    )


def test_flows_are_paged_and_carry_rate_limit_headers(genesys: Caller) -> None:
    seen, page = [], 1
    while True:
        listing = genesys.call("get_flows", kind="FlowEntityListing", page_size=2, page_number=page)
        seen += [flow.name for flow in listing.entities]
        if not listing.next_uri:
            break
        page += 1
    assert sorted(seen) == ["Greeting", "Main IVR", "Support"]
    assert (page, listing.total, listing.page_count) == (2, 3, 2)
    assert genesys.headers()["inin-ratelimit-allowed"] == "300"
    assert int(genesys.headers()["inin-ratelimit-count"]) == 2
    assert genesys.headers()["ININ-Correlation-Id"]
    types = genesys.call("get_flows", kind="FlowEntityListing", type=["commonmodule", "workflow"])
    assert [flow.type for flow in types.entities] == ["COMMONMODULE"]
    views = genesys.call("get_flows_divisionviews", kind="FlowDivisionViewEntityListing", name="Main*")
    assert [view.name for view in views.entities] == ["Main IVR"]
    looked_up = genesys.call("get_flows_lookup", [views.entities[0].id], kind="FlowEntityListing")
    assert looked_up.total == 1


def test_a_publish_is_polled_until_it_is_live(genesys: Caller, simulator: Simulator) -> None:
    flow_id = main_id(simulator)
    flow = genesys.call("post_flows_actions_checkout", flow_id, kind="Flow")
    assert flow.locked_client.id == "penstock"
    assert genesys.call("post_flows_actions_checkin", flow_id, kind="Operation").action_status == "SUCCESS"
    operation = genesys.call("post_flows_actions_publish", flow_id, kind="Operation", version="2.0")
    assert (operation.complete, operation.action_name) == (False, "PUBLISH")
    done = genesys.until("get_flow", flow_id, kind="Flow", done=lambda flow: flow.current_operation.complete)
    assert (done.current_operation.id, done.current_operation.action_status) == (operation.id, "SUCCESS")
    assert done.published_version.id == "2.0"
    versions = genesys.call("get_flow_versions", flow_id, kind="FlowVersionEntityListing")
    assert [version.id for version in versions.entities] == ["2.0", "1.0"]
    assert versions.entities[1].date_published_end is not None
    version = genesys.call("get_flow_version", flow_id, "2.0", kind="FlowVersion", besides=VERSIONED)
    assert version.created_by_client.id == "penstock"
    for action in ("post_flows_actions_revert", "post_flows_actions_unlock", "post_flows_actions_deactivate"):
        assert genesys.call(action, flow_id, kind="Flow").id == flow_id


def test_a_configuration_is_an_object_with_a_manifest(genesys: Caller, simulator: Simulator) -> None:
    configuration = genesys.call("get_flow_version_configuration", main_id(simulator), "1.0", kind="object")
    assert configuration["manifest"]["commonModuleFlow"][0]["name"] == "Greeting"
    assert genesys.call("get_flow_latestconfiguration", main_id(simulator), kind="object") == configuration


def test_a_file_is_uploaded_published_exported_and_means_the_same(genesys: Caller, simulator: Simulator) -> None:
    job = upload(genesys, changed(MAIN))
    assert (job.status, job.command, job.messages) == ("Success", "Publish", [])
    flow = genesys.call("get_flow", job.flow.id, kind="Flow")
    assert (flow.name, flow.published_version.id) == ("Main IVR", "2.0")
    body = {"flows": [{"flow": {"id": flow.id, "version": "2.0"}}]}
    registered = genesys.call("post_flows_export_jobs", body, kind="RegisterArchitectExportJobResponse")
    assert registered.total_flows == 1
    exported = genesys.until(
        "get_flows_export_job",
        registered.id,
        kind="ArchitectExportJobStateResponse",
        done=finished,
        expand=["messages"],
    )
    text = genesys.http.request("GET", exported.download_url).data.decode()
    assert parse(text).digest == parse(changed(MAIN)).digest


def test_a_failed_upload_brings_its_messages(genesys: Caller) -> None:
    job = upload(genesys, MAIN.replace("Greeting:", "Farewell:"))
    assert job.status == "Failure"
    assert [message.type for message in job.messages] == ["Error", "Error"]
    assert job.messages[0].text == "find 'commonmodule' by value of 'Farewell' - no matches"


def test_a_validate_job_names_what_is_broken(genesys: Caller, simulator: Simulator) -> None:
    genesys.call("post_flows_actions_deactivate", simulator.flow("commonmodule", "Greeting").id, kind="Flow")
    body = {"flows": [{"flow": {"id": main_id(simulator), "version": "1.0"}}]}
    registered = genesys.call("post_flows_validate_jobs", body, kind="RegisterArchitectValidateJobResponse")
    job = genesys.until(
        "get_flows_validate_job",
        registered.id,
        kind="ArchitectValidateJobStateResponse",
        done=finished,
        expand=["messages"],
    )
    assert job.status == "Failure"
    assert "'Greeting' version 'published' is missing" in job.messages[0].text


def test_dependency_tracking_answers_in_both_directions(genesys: Caller, simulator: Simulator) -> None:
    flow_id, module = main_id(simulator), simulator.flow("commonmodule", "Greeting")
    consumed = genesys.call(
        "get_architect_dependencytracking_consumedresources",
        flow_id,
        "1.0",
        "INBOUNDCALLFLOW",
        kind="ConsumedResourcesEntityListing",
    )
    assert {entry.name: entry.type for entry in consumed.entities} == {
        "Greeting": "COMMONMODULEFLOW",
        "Support": "INBOUNDCALLFLOW",
    }
    consuming = genesys.call(
        "get_architect_dependencytracking_consumingresources",
        module.id,
        "COMMONMODULEFLOW",
        kind="ConsumingResourcesEntityListing",
        flow_filter="published",
    )
    assert [(entry.id, entry.version) for entry in consuming.entities] == [(flow_id, "1.0")]
    one = genesys.call(
        "get_architect_dependencytracking_object", module.id, kind="DependencyObject", consuming_resources=True
    )
    assert one.consuming_resources[0].name == "Main IVR"
    listing = {"kind": "DependencyObjectEntityListing"}
    assert genesys.call("get_architect_dependencytracking", "Main*", **listing).total == 1
    upload(genesys, changed(GREETING))
    updated = genesys.call("get_architect_dependencytracking_updatedresourceconsumers", **listing)
    assert updated.entities[0].name == "Main IVR"
    assert genesys.call("get_architect_dependencytracking_deletedresourceconsumers", **listing).total == 0
    types = genesys.call("get_architect_dependencytracking_types", kind="DependencyTypeEntityListing", page_size=100)
    assert len(types.entities) == types.total
    assert genesys.call("get_architect_dependencytracking_type", "QUEUE", kind="DependencyType").versioned is False
    genesys.architect.post_architect_dependencytracking_build()
    status = genesys.call("get_architect_dependencytracking_build", kind="DependencyStatus")
    assert status.status == "BUILDINPROGRESS"


def test_executions_are_queried_and_their_files_downloaded(genesys: Caller, simulator: Simulator) -> None:
    genesys.http.request(
        "POST",
        f"{genesys.client.host}/_simulator/executions",
        json={"flow": "inboundcall/Main IVR", "count": 10, "error_rate": 0.3},
    )
    query = {"query": [{"criteria": {"key": "FlowId", "operator": "eq", "value": main_id(simulator)}}]}
    rows = genesys.call("post_flows_instances_query", query, kind="FlowResultEntityListing").entities
    assert (len(rows), sum(1 for row in rows if row.flow_error_reason)) == (10, 3)
    genesys.call("get_flows_instances_querycapabilities", kind="FlowsQueryCriteriaResponse")
    kind = "GetFlowExecutionDataJobResult"
    job = genesys.call("post_flows_instances_jobs", {"ids": [rows[0].id]}, kind=kind)
    done = genesys.until("get_flows_instances_job", job.id, kind=kind, done=lambda job: job.job_state == "Success")
    file = json.loads(genesys.http.request("GET", done.entities[0].download_uri).data)
    assert (file["flow"]["executionId"], file["flow"]["flowVersion"]) == (rows[0].id, "1.0")
    assert genesys.call("get_flows_instance", rows[0].id, kind=kind).job_state == "Running"


def test_recording_is_switched_and_levelled(genesys: Caller, simulator: Simulator) -> None:
    flow_id, kind = main_id(simulator), "FlowSettingsResponse"
    switch = "ExecutionDataFlowSettingsResponse"
    assert genesys.call("get_flows_instances_settings_executiondata", kind=switch).enabled is True
    off = genesys.call("patch_flows_instances_settings_executiondata", {"enabled": False}, kind=switch)
    assert off.enabled is False
    level = {"logLevelCharacteristics": {"level": "Notes", "characteristics": {"names": True}}}
    genesys.call("post_flow_instances_settings_loglevels", flow_id, level, kind=kind)
    shown = genesys.call("get_flow_instances_settings_loglevels", flow_id, kind=kind)
    assert shown.log_level_characteristics.level == "Notes"
    listing = genesys.call("get_flows_instances_settings_loglevels", kind="FlowSettingsResponseEntityListing")
    assert [entity.name for entity in listing.entities] == ["Main IVR"]
    genesys.call("put_flows_instances_settings_loglevels_default", level, kind=kind)
    genesys.call("get_flows_instances_settings_loglevels_default", kind=kind)
    genesys.call(
        "get_flows_instances_settings_loglevels_characteristics", kind="FlowLogLevelCharacteristicsDefinitions"
    )


def test_a_log_level_is_gone_after_it_was_deleted(genesys: Caller, simulator: Simulator) -> None:
    flow_id, level = main_id(simulator), {"logLevelCharacteristics": {"level": "Notes"}}
    genesys.call("post_flow_instances_settings_loglevels", flow_id, level, kind="FlowSettingsResponse")
    genesys.call("put_flow_instances_settings_loglevels", flow_id, level, kind="FlowSettingsResponse")
    genesys.architect.delete_flow_instances_settings_loglevels(flow_id)
    with pytest.raises(sdk.rest.ApiException) as gone:
        genesys.architect.get_flow_instances_settings_loglevels(flow_id)
    assert gone.value.status == 404


def test_what_stands_beside_flows_is_listed(genesys: Caller) -> None:
    for method, kind in (
        ("get_flows_datatables", "DataTablesDomainEntityListing"),
        ("get_flows_milestones", "FlowMilestoneListing"),
        ("get_flows_outcomes", "FlowOutcomeListing"),
    ):
        assert genesys.call(method, kind=kind).total == 0


def test_a_workflow_is_launched_and_watched(genesys: Caller) -> None:
    text = SUPPORT.replace("inboundCall", "workflow").replace("Support", "Nightly").replace("disconnect", "endWorkflow")
    flow_id = upload(genesys, text).flow.id
    launched = genesys.call(
        "post_flows_executions", {"flowId": flow_id, "name": "probe"}, kind="FlowExecutionLaunchResponse"
    )
    done = genesys.until(
        "get_flows_execution", launched.id, kind="FlowRuntimeExecution", done=lambda run: run.status != "RUNNING"
    )
    assert (done.status, done.flow_version.id) == ("COMPLETED", "1.0")


def test_flows_are_created_changed_asked_for_their_history_and_deleted(genesys: Caller) -> None:
    created = genesys.call("post_flows", {"name": "Draft", "type": "WORKFLOW"}, kind="Flow")
    renamed = genesys.call("put_flow", created.id, {"name": "Better", "type": "WORKFLOW"}, kind="Flow")
    assert renamed.name == "Better"
    operation = genesys.call("post_flow_history", created.id, kind="Operation")
    history = genesys.call("get_flow_history_history_id", created.id, operation.id, kind="HistoryListing")
    assert [entry.action for entry in history.entities] == ["UPDATE", "CREATE"]
    genesys.architect.delete_flow(created.id)
    with pytest.raises(sdk.rest.ApiException) as gone:
        genesys.architect.get_flow(created.id)
    assert gone.value.status == 410


def test_the_organisation_the_token_and_the_limits_are_shown(genesys: Caller) -> None:
    from tests.simulator.sdk_models import mistakes

    for method, api, kind in (
        ("get_organizations_me", sdk.OrganizationApi, "Organization"),
        ("get_tokens_me", sdk.TokensApi, "TokenInfo"),
    ):
        getattr(api(genesys.client), method)()
        assert list(mistakes(json.loads(genesys.client.last_response.data), kind)) == []
    for full in (True, False):
        me = sdk.AuthorizationApi(genesys.client).get_authorization_subjects_me(include_full_roles=full)
        assert list(mistakes(json.loads(genesys.client.last_response.data), "AuthzSubject")) == []
        assert bool(me.grants[0].role.policies) is full
    products = sdk.AuthorizationApi(genesys.client).get_authorization_products()
    assert list(mistakes(json.loads(genesys.client.last_response.data), "OrganizationProductEntityListing")) == []
    assert (products.total, [bool(product.id) for product in products.entities]) == (1, [True])
    sdk.OrganizationApi(genesys.client).get_organizations_limits_namespace("architect")
    assert list(mistakes(json.loads(genesys.client.last_response.data), "LimitsEntityListing")) == []


def test_channels_and_subscriptions_fit_their_models(genesys: Caller, simulator: Simulator) -> None:
    from tests.simulator.sdk_models import mistakes

    notifications = sdk.NotificationsApi(genesys.client)
    channel = notifications.post_notifications_channels()
    assert list(mistakes(json.loads(genesys.client.last_response.data), "Channel")) == []
    notifications.post_notifications_channel_subscriptions(channel.id, [{"id": f"v2.flows.{main_id(simulator)}"}])
    assert list(mistakes(json.loads(genesys.client.last_response.data), "ChannelTopicEntityListing")) == []
    notifications.head_notifications_channel(channel.id)
    with pytest.raises(sdk.rest.ApiException) as gone:
        notifications.head_notifications_channel("unknown")
    assert gone.value.status == 404
    too_many = [{"id": f"v2.flows.{number:036x}"} for number in range(1_001)]
    with pytest.raises(sdk.rest.ApiException) as refused:
        notifications.put_notifications_channel_subscriptions(channel.id, too_many)
    assert list(mistakes(json.loads(refused.value.body), "ErrorBody")) == []


def test_every_available_topic_fits_its_model_and_can_be_subscribed_to(genesys: Caller, simulator: Simulator) -> None:
    from tests.simulator.sdk_models import mistakes

    notifications = sdk.NotificationsApi(genesys.client)
    listed = notifications.get_notifications_availabletopics(expand=["description"]).entities
    assert list(mistakes(json.loads(genesys.client.last_response.data), "AvailableTopicEntityListing")) == []
    assert {topic.visibility for topic in listed} == {"Public"}
    assert all(topic.requires_permissions and topic.transports == ["Websocket"] for topic in listed)
    channel = notifications.post_notifications_channels()
    wanted = [topic.id.replace("{id}", main_id(simulator)) for topic in listed]
    subscribed = notifications.post_notifications_channel_subscriptions(channel.id, [{"id": one} for one in wanted])
    assert [topic.id for topic in subscribed.entities] == wanted


def test_errors_are_error_bodies(genesys: Caller, simulator: Simulator) -> None:
    from tests.simulator.sdk_models import mistakes

    simulator.set_faults(Fault(name="limited", kind=FaultKind.HTTP_429, retry_after_s=0, times=11))
    statuses = []
    for call in (
        genesys.architect.get_flows,
        lambda: genesys.architect.get_flow("00000000-0000-4000-8000-000000000000"),
        lambda: genesys.architect.get_flows(page_size=9_999),
        lambda: genesys.architect.post_flows({"name": "Main IVR", "type": "INBOUNDCALL"}),
    ):
        with pytest.raises(sdk.rest.ApiException) as failed:
            call()
        body = json.loads(failed.value.body)
        assert list(mistakes(body, "ErrorBody")) == []
        assert body["contextId"] == failed.value.headers["ININ-Correlation-Id"]
        statuses.append((failed.value.status, body["code"]))
        simulator.faults.clear()
    assert statuses == [
        (429, "too.many.requests.retry.after"),
        (404, "architect.flow.not.found"),
        (400, "invalid.query.param.value"),
        (409, "general.conflict"),
    ]


def test_the_check_itself_finds_what_is_wrong() -> None:
    from tests.simulator.sdk_models import mistakes

    wrong = {"id": 5, "type": "NONSENSE", "colour": "red", "publishedVersion": {"dateCreated": "x", "secure": 1}}
    assert list(mistakes(wrong, "Flow")) == [
        "$.id: 5 is no str",
        "$.type: 'NONSENSE' is not a value of Flow",
        "$.colour: Flow has no such field",
        "$.publishedVersion.dateCreated: 'x' is no int",
        "$.publishedVersion.secure: 1 is no bool",
    ]
