"""Every shape in which Archy YAML refers to another flow is found, with the types that it can have."""

from __future__ import annotations

import pytest

from controller.domain.references import FlowReference, Resolution
from controller.flows.flow_file import parse


def references(actions: str, root: str = "inboundCall", extra: str = "") -> tuple[FlowReference, ...]:
    text = f"{root}:\n  name: F\n{extra}  tasks:\n    - task:\n        name: T\n        actions:\n"
    return parse(text + "".join(f"          {line}\n" for line in actions.splitlines())).references


def only(actions: str, root: str = "inboundCall", extra: str = "") -> FlowReference:
    (reference,) = references(actions, root, extra)
    return reference


@pytest.mark.parametrize(
    ("action", "key", "kind"),
    [
        ("callBotFlow", "botFlow", "bot"),
        ("callCommonModule", "commonModule", "commonmodule"),
        ("callDigitalBotFlow", "digitalBotFlow", "digitalbot"),
    ],
)
def test_calls_name_their_flow_by_key_and_bind_its_published_version(action: str, key: str, kind: str) -> None:
    reference = only(f"- {action}: {{name: C, {key}: {{'My Flow ': {{ver_latestPublished: {{none: true}}}}}}}}")
    assert reference == FlowReference(
        "My Flow ", (kind,), action, f"inboundCall.tasks[0].task.actions[0].{action}", Resolution.STATIC, True
    )


def test_a_voice_flow_is_called_without_binding() -> None:
    reference = only("- callVoiceFlow: {voiceFlow: {V: {ver_latestPublished: {none: true}}}}")
    assert (reference.name, reference.types, reference.binds_at_publish) == ("V", ("voice",), False)


def test_a_call_of_another_version_does_not_bind_the_published_one() -> None:
    assert not only("- callCommonModule: {commonModule: {M: {ver_debug: {none: true}}}}").binds_at_publish


@pytest.mark.parametrize(
    ("root", "types"),
    [
        ("inboundCall", ("inboundcall",)),
        ("inqueueCall", ("inboundcall", "inqueuecall")),
        ("outboundCall", ("inboundcall", "outboundcall")),
        ("inboundEmail", ("inboundemail",)),
        ("inqueueEmail", ("inboundemail", "inqueueemail")),
        ("inboundShortMessage", ("inboundshortmessage",)),
        ("inboundChat", ("inboundchat",)),
        ("workflow", ("workflow",)),
        ("commonModule", ("inboundcall", "inboundemail", "inboundshortmessage", "inboundchat")),
    ],
)
def test_a_transfer_stays_in_its_channel(root: str, types: tuple[str, ...]) -> None:
    assert only("- transferToFlow: {targetFlow: {name: Next}}", root).types == types


@pytest.mark.parametrize("action", ["transferToFlowSecure", "menuTransferToFlowSecure"])
def test_a_secure_transfer_goes_to_a_secure_flow(action: str) -> None:
    reference = only(f"- {action}: {{targetFlow: {{name: Pay}}, invocationData: {{lit: x}}}}")
    assert (reference.name, reference.types) == ("Pay", ("securecall",))


@pytest.mark.parametrize("shape", ["{name: N}", "{lit: {name: N}}"])
def test_both_shapes_of_a_literal_name_are_read(shape: str) -> None:
    reference = only(f"- transferToFlow: {{targetFlow: {shape}}}")
    assert (reference.name, reference.resolution) == ("N", Resolution.STATIC)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("{exp: Flow.next}", "Flow.next"),
        ("{var: Task.next}", "Task.next"),
        ("{exp: 'FindFlow(\"N\")'}", 'FindFlow("N")'),
    ],
)
def test_what_run_time_decides_is_dynamic_and_never_a_name(shape: str, name: str) -> None:
    reference = only(f"- transferToFlow: {{targetFlow: {shape}}}")
    assert (reference.name, reference.resolution) == (name, Resolution.DYNAMIC)


@pytest.mark.parametrize("shape", ["{noValue: true}", "{exp: NOT_SET}", "{exp: ToFlow(NOT_SET)}", "{lit: {}}"])
def test_what_is_not_set_is_no_reference(shape: str) -> None:
    assert references(f"- transferToFlow: {{targetFlow: {shape}}}") == ()


@pytest.mark.parametrize(
    ("root", "types"),
    [
        ("inboundCall", ("inqueuecall",)),
        ("inboundEmail", ("inqueueemail",)),
        ("inboundShortMessage", ("inqueueshortmessage",)),
        ("inboundChat", ()),
        ("commonModule", ("inqueuecall", "inqueueemail", "inqueueshortmessage")),
    ],
)
def test_an_in_queue_override_has_the_channels_in_queue_type(root: str, types: tuple[str, ...]) -> None:
    action = "- transferToAcd: {targetQueue: {lit: {name: Q}}, overrideInQueueFlow: {name: Wait}}"
    assert (only(action, root).name, only(action, root).types) == ("Wait", types)


def test_menu_choices_refer_as_actions_do() -> None:
    text = (
        "inboundCall: {name: F, menus: [{menu: {choices: ["
        "{menuTransferToAcd: {overrideInQueueFlow: {name: Wait}}},"
        "{menuTransferToFlow: {targetFlow: {name: Next}}},"
        "{menuTask: {task: {actions: [{callCommonModule: {commonModule: {M: {ver_latestPublished: {}}}}}]}}}]}}]}"
    )
    found = [(reference.name, reference.action) for reference in parse(text).references]
    assert found == [("Wait", "menuTransferToAcd"), ("Next", "menuTransferToFlow"), ("M", "callCommonModule")]


def test_a_flow_to_run_afterwards_is_a_reference() -> None:
    assert only("- setPostFlow: {targetFlow: {name: Survey}}").types == ("voicesurvey", "inboundcall")


def test_the_same_words_at_the_root_are_the_flow_itself() -> None:
    assert parse("commonModule: {name: M, startUpTaskActions: []}").references == ()
    assert parse("botFlow: {name: B, bots: []}").references == ()


def test_a_future_kind_of_call_is_reported_as_unknown_instead_of_dropped() -> None:
    reference = only("- callHologram: {hologram: {Holo: {ver_latestPublished: {none: true}}}}")
    assert (reference.name, reference.action, reference.resolution) == ("Holo", "callHologram", Resolution.UNKNOWN)
    assert not reference.types


@pytest.mark.parametrize(
    ("action", "key"), [("callGuide", "guide"), ("callAgenticVirtualAgent", "agenticVirtualAgent")]
)
def test_guides_and_virtual_agents_are_resources_and_no_flows(action: str, key: str) -> None:
    text = f"- {action}: {{{key}: {{My Helper: {{ver_latestPublished: {{none: true}}}}}}}}"
    assert references(text) == ()


def test_a_future_key_that_names_a_flow_is_reported_as_unknown() -> None:
    assert only("- transferToAcd: {afterwardsFlow: {name: X}}").resolution is Resolution.UNKNOWN


def test_an_action_whose_kind_ends_in_flow_is_no_reference() -> None:
    assert references("- exitBotFlow: {name: Exit Bot Flow}\n- endFlow: {name: End}") == ()


def test_references_inside_a_calls_outputs_are_found_too() -> None:
    actions = (
        "- callBotFlow: {botFlow: {A: {ver_latestPublished: {none: true}}}, outputs: {success: {actions: ["
        "{callBotFlow: {botFlow: {B: {ver_latestPublished: {none: true}}}}}]}}}"
    )
    assert [reference.name for reference in references(actions)] == ["A", "B"]
    assert references(actions)[1].path.endswith("actions[0].callBotFlow.outputs.success.actions[0].callBotFlow")


def test_each_place_that_refers_is_reported() -> None:
    places = [reference.path for reference in references("- transferToFlow: {targetFlow: {name: N}}\n" * 2)]
    assert places == [f"inboundCall.tasks[0].task.actions[{index}].transferToFlow" for index in (0, 1)]


def test_the_exports_own_index_narrows_a_type_and_adds_nothing() -> None:
    index = (
        "  referencedObjects: {flows: [{flow: {name: Next, type: inqueueCall}}, {flow: {name: Other, type: bot}},"
        " {flow: {name: Holo, type: Hologram}}]}\n"
    )
    transfer = only("- transferToFlow: {targetFlow: {name: Next}}", "inqueueCall", index)
    assert transfer.types == ("inqueuecall",)
    unknown = only("- callHologram: {hologram: {Holo: {ver_latestPublished: {}}}}", "inboundCall", index)
    assert (unknown.types, unknown.resolution) == (("hologram",), Resolution.UNKNOWN)


def test_an_index_that_contradicts_the_action_is_not_believed() -> None:
    index = "  referencedObjects: {flows: [{flow: {name: Next, type: workflow}}, 3, {flow: [x]}]}\n"
    assert only("- transferToFlow: {targetFlow: {name: Next}}", "inboundCall", index).types == ("inboundcall",)


def test_deep_nesting_is_walked() -> None:
    inner = "{transferToFlow: {targetFlow: {name: N}}}"
    for _ in range(50):
        inner = f"{{decision: {{outputs: {{yes: {{actions: [{inner}]}}}}}}}}"
    assert only(f"- {inner}").name == "N"
