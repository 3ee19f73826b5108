"""One call of each method of Genesys' SDKs that the simulator answers, as data that programs of both SDKs carry out.

A string such as `@post_flows_jobs.id` is a field of an earlier answer, `@main` one that the test knows from the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from docs.sdk_methods import SdkMethod, camel, methods

_COMMON: Mapping[str, Any] = {
    "action_id": "@data-action",
    "channel_id": "@post_notifications_channels.id",
    "code_id": "@wrap-up-code",
    "contact_list_id": "@contact-list",
    "datatable_id": "@data-table",
    "division_id": "@division",
    "emergency_group_id": "@emergency-group",
    "flow": "@support",
    "flow_execution_id": "@post_flows_executions.id",
    "flow_id": "@main",
    "flow_outcome_id": "@flow-outcome",
    "form_id": "@survey-form",
    "grammar_id": "@grammar",
    "group_id": "@group",
    "guide_id": "@guide",
    "instance_id": "@instance",
    "integration_id": "@integration",
    "knowledge_base_id": "@knowledge-base",
    "label_id": "@utilization-label",
    "language_code": "en-us",
    "language_id": "@language-skill",
    "library_id": "@response-library",
    "member_id": "@user",
    "milestone_id": "@flow-milestone",
    "namespace_name": "architect",
    "object_type": "INBOUNDCALLFLOW",
    "permission": "architect:flow:publish",
    "prompt_id": "@user-prompt",
    "queue_id": "@queue",
    "response_id": "@response",
    "row_id": "sales",
    "schedule_group_id": "@schedule-group",
    "schedule_id": "@schedule",
    "script_id": "@script",
    "skill_id": "@skill",
    "type_id": "QUEUE",
    "version": "1.0",
    "version_id": "1.0",
    "user_id": "@user",
    "virtual_agent_id": "@virtual-agent",
}
_BODIES: Mapping[str, Any] = {"POST": {"name": "Made"}, "PUT": {"name": "Changed"}, "PATCH": {"name": "Changed"}}
"""The body by verb, where no other fits."""
_LEVEL = {"logLevelCharacteristics": {"level": "Notes"}}
_JOB = {"flows": [{"flow": {"id": "@main", "version": "1.0"}}]}
_TOPICS = [{"id": "@topic"}]
_ROW = {"key": "service", "AgentsIdle": 2}
_COLUMNS = {"key": {"type": "string", "title": "Key"}, "Open": {"type": "boolean", "title": "Open"}}
_TABLE = {"name": "Made", "schema": {"type": "object", "required": ["key"], "properties": _COLUMNS}}
_ACTION = {"name": "Made", "category": "Billing", "integrationId": "@integration", "secure": True}
_DIVISION = {"name": "Made", "description": "For tests"}
_OWN: Mapping[str, Mapping[str, Any]] = {
    "ObjectsApi.post_authorization_divisions": {"body": {"name": "Made as an object"}},
    "ObjectsApi.delete_authorization_division": {"division_id": "@division"},
    "delete_architect_prompts": {"id": ["@post_architect_prompts.id"]},
    "delete_responsemanagement_library": {"library_id": "@post_responsemanagement_libraries.id"},
    "delete_authorization_division": {"division_id": "@post_authorization_divisions.id"},
    "delete_flow": {"flow_id": "@post_flows.id"},
    "delete_flows": {"id": ["@spare"]},
    "get_architect_dependencytracking": {"name": "Main*"},
    "get_architect_dependencytracking_consumedresources": {"id": "@main"},
    "get_architect_dependencytracking_consumingresources": {"id": "@greeting", "object_type": "COMMONMODULEFLOW"},
    "get_architect_dependencytracking_object": {"id": "@main"},
    "get_architect_systemprompt": {"prompt_id": "@system-prompt"},
    "get_architect_systemprompt_resources": {"prompt_id": "@system-prompt"},
    "get_flow_history_history_id": {"history_id": "@post_flow_history.id"},
    "get_flow_instances_settings_loglevels": {"flow_id": "@post_flow_instances_settings_loglevels.id"},
    "get_flows_export_job": {"job_id": "@post_flows_export_jobs.id"},
    "get_flows_instances_job": {"job_id": "@post_flows_instances_jobs.id"},
    "get_flows_job": {"job_id": "@post_flows_jobs.id"},
    "get_flows_lookup": {"id": ["@main"]},
    "get_flows_validate_job": {"job_id": "@post_flows_validate_jobs.id"},
    "patch_flows_instances_settings_executiondata": {"body": {"enabled": True}},
    "patch_routing_queue_member": {"body": {"ringNumber": 2}},
    "post_architect_prompt_resources": {"body": {"language": "fr-fr", "ttsString": "Bienvenue"}},
    "post_authorization_divisions": {"body": _DIVISION},
    "post_flow_instances_settings_loglevels": {"body": _LEVEL},
    "post_flows_datatable_rows": {"data_table_row": _ROW},
    "post_flows_datatables": {"body": _TABLE},
    "post_integrations_actions": {"body": _ACTION},
    "post_responsemanagement_responses": {
        "body": {"name": "Made", "libraries": [{"id": "@response-library"}], "texts": [{"content": "Hello"}]}
    },
    "post_routing_queue_members": {"body": [{"id": "@user", "ringNumber": 1}]},
    "post_routing_queue_wrapupcodes": {"body": [{"id": "@wrap-up-code"}]},
    "put_architect_prompt_resource": {"body": {"ttsString": "Welcome again"}},
    "put_authorization_division": {"division_id": "@post_authorization_divisions.id", "body": _DIVISION},
    "put_flows_datatable": {"datatable_id": "@post_flows_datatables.id", "body": _TABLE},
    "post_flows": {"body": {"name": "Draft", "type": "WORKFLOW"}},
    "post_flows_actions_checkin": {"flow": "@post_flows_actions_checkout.id"},
    "post_flows_actions_checkout": {"flow": "@main"},
    "post_flows_actions_publish": {"flow": "@greeting"},
    "post_flows_executions": {"flow_launch_request": {"flowId": "@nightly", "name": "probe"}},
    "post_flows_export_jobs": {"body": _JOB},
    "post_flows_instances_jobs": {"body": {"ids": ["@instance"]}},
    "post_flows_instances_query": {
        "body": {"query": [{"criteria": {"key": "FlowId", "operator": "eq", "value": "@main"}}]}
    },
    "post_flows_validate_jobs": {"body": _JOB},
    "post_notifications_channel_subscriptions": {"body": _TOPICS},
    "put_flow": {"flow_id": "@post_flows.id", "body": {"name": "Draft", "type": "WORKFLOW"}},
    "put_flow_instances_settings_loglevels": {"body": _LEVEL},
    "put_flows_instances_settings_loglevels_default": {"body": _LEVEL},
    "put_notifications_channel_subscriptions": {"body": _TOPICS},
}
"""What a method's parameters are where the common value does not fit."""
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "delete_authorization_division": {"force": True},
    "get_flows_datatable": {"expand": "schema"},
    "get_flows_datatable_rows": {"showbrief": False},
    "get_architect_prompts": {"include_resources": True, "include_media_uris": True},
    "post_flows_actions_publish": {"version": "1.0"},
    "post_flows_milestones": {"body": _BODIES["POST"]},
    "post_flows_outcomes": {"body": _BODIES["POST"]},
    "put_flows_milestone": {"body": _BODIES["PUT"]},
    "put_flows_outcome": {"body": _BODIES["PUT"]},
    "put_flows_datatable_row": {"body": {"key": "sales", "AgentsIdle": 4}},
}
_VERBS = ("POST", "GET", "HEAD", "PATCH", "PUT", "DELETE")
_LAST = ("post_architect_dependencytracking_build", "delete_tokens_me")
"""While the index is being built, nothing is said of dependencies; without a token, nothing at all."""


class ArgumentMissingError(LookupError):
    """A method that the simulator answers has a parameter that this file gives no value for."""


@dataclass(frozen=True, slots=True)
class SdkCall:
    method: SdkMethod
    arguments: list[Any]
    """In the order in which both SDKs take them."""
    options: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """What the program of the JavaScript SDK reads."""
        return {
            "api": self.method.api,
            "name": self.method.name,
            "method": self.method.javascript,
            "arguments": self.arguments,
            "options": {camel(name): value for name, value in self.options.items()},
        }


def calls() -> list[SdkCall]:
    """One call of each answered method, each after those that it needs. Raises ArgumentMissingError."""
    answered = [method for listed in methods().values() for method in listed if method.answered]
    found: dict[SdkMethod, SdkCall] = {}
    for method in sorted(answered, key=_turn):
        _add(method, {each.name: each for each in answered}, found)
    return list(found.values())


def resolved(value: Any, seen: Mapping[str, Any]) -> Any:
    """A value with all that it refers to put in. Raises LookupError where that was never answered."""
    if isinstance(value, str) and value.startswith("@"):
        name, *fields = value[1:].split(".")
        found = seen[name]
        for step in fields:
            found = found[step]
        return found
    if isinstance(value, Mapping):
        return {key: resolved(each, seen) for key, each in value.items()}
    return [resolved(each, seen) for each in value] if isinstance(value, list) else value


def _add(method: SdkMethod, answered: Mapping[str, SdkMethod], found: dict[SdkMethod, SdkCall]) -> None:
    if method in found:
        return
    own = _OWN.get(f"{method.api}.{method.name}") or _OWN.get(method.name, {})
    common = {**_COMMON, "body": _BODIES.get(method.verb)}
    missing = [name for name in method.required if name not in own and name not in common]
    if missing:
        raise ArgumentMissingError(f"{method.api}.{method.name}: {', '.join(missing)}; add it to {__name__}")
    arguments = [own.get(name, common.get(name)) for name in method.required]
    for name in _references(arguments):
        if name in answered:
            _add(answered[name], answered, found)
    found[method] = SdkCall(method, arguments, _OPTIONS.get(method.name, {}))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("@"):
        yield value[1:].partition(".")[0]
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _turn(method: SdkMethod) -> tuple[int, int, int, str, str]:
    """What makes something comes first, what removes it last, and a part before the whole."""
    depth = -len(method.path) if method.verb == "DELETE" else len(method.path)
    late = _LAST.index(method.name) + 1 if method.name in _LAST else 0
    return (late, _VERBS.index(method.verb), depth, method.name, method.api)
