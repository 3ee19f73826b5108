"""A diff says in Architect's words what changed, once, and nothing when nothing did."""

from __future__ import annotations

import json

import pytest

from controller.domain.documents import json_text
from controller.domain.identity import FlowKey
from controller.domain.redaction import Redactor
from controller.flows.diff import diff_sources
from controller.flows.diff_model import DiffEntry, DiffKind, FlowDiff
from controller.flows.loading import load_yaml
from controller.questions.comparison_document import comparisons_document
from controller.questions.flow_comparison import FlowComparison
from tests.flows.diffs import FLOW, diff_text

Json = dict[str, object]

REMEMBER = "action 'Remember' (setParticipantData) in task 'Main'"
OPEN = "in task 'Main' > action 'Open?' (decision)"


def diff_json(diff: FlowDiff) -> Json:
    """What the document of a comparison says of it."""
    document = comparisons_document([FlowComparison("main", FlowKey("inboundcall", "Main IVR"), diff=diff)])
    [flow] = json.loads(json_text(document))["flows"]
    return {name: flow[name] for name in ("summary", "entries")}


def loaded(text: str) -> Json:
    document = load_yaml(text)
    assert isinstance(document, dict)
    return document


def changes(*replacements: tuple[str, str]) -> list[str]:
    """The lines of the diff when the flow's text is edited."""
    text = FLOW
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return diff_text(diff_sources(loaded(FLOW), loaded(text))).splitlines()


def test_nothing_changed_is_nothing_said() -> None:
    assert diff_sources(loaded(FLOW), loaded(FLOW)) == FlowDiff(())
    assert diff_text(FlowDiff(())) == ""


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            ("tts: Welcome", "tts: Hi"),
            "~ action 'Play greeting' (playAudio) in task 'Main': audio: speech \"Welcome\" -> speech \"Hi\"",
        ),
        (
            ("tts: Welcome", "exp: Flow.g"),
            "~ action 'Play greeting' (playAudio) in task 'Main': audio: speech \"Welcome\" -> = Flow.g",
        ),
        (
            ("name: Sales", "name: Support"),
            f"~ action 'To queue' (transferToAcd) {OPEN} > yes: target queue: 'Sales' -> 'Support'",
        ),
        (
            ("priority: {lit: 0}", "priority: {lit: 5}"),
            f"~ action 'To queue' (transferToAcd) {OPEN} > yes: priority: 0 -> 5",
        ),
        (
            ("priority: {lit: 0}", 'priority: {lit: "0"}'),
            f"~ action 'To queue' (transferToAcd) {OPEN} > yes: priority: 0 -> \"0\"",
        ),
        (
            (", priority: {lit: 0}", ""),
            f"- action 'To queue' (transferToAcd) {OPEN} > yes: priority: 0",
        ),
        (
            ("Prompt.Closed", "Prompt.Night"),
            f"~ action 'Closed' (playAudio) {OPEN} > no: audio: prompt Prompt.Closed -> prompt Prompt.Night",
        ),
        (
            ("Greeter:", "Waver:"),
            "~ action 'Module' (callCommonModule) in task 'Main': common module: Greeter -> Waver",
        ),
        (
            ("lit: Hello", "noValue: true"),
            "~ variable 'Flow.Greeting' (stringVariable): initial value: \"Hello\" -> not set",
        ),
        (
            ("stringVariable: {name: Flow.G", "integerVariable: {name: Flow.G"),
            '~ variable \'Flow.Greeting\' (integerVariable): type: "stringVariable" -> "integerVariable"',
        ),
        (("division: Home", "division: North"), '~ flow \'Main IVR\': division: "Home" -> "North"'),
        (("name: Main IVR", "name: Main"), '~ flow \'Main\': name: "Main IVR" -> "Main"'),
        (
            ("Flow.open", "not Flow.open"),
            "~ action 'Open?' (decision) in task 'Main': condition: = Flow.open -> = not Flow.open",
        ),
        (
            ("value: {lit: 1}}}]", "value: {lit: 2}}}]"),
            f"~ {REMEMBER}: attributes > attribute a > attribute > value: 1 -> 2",
        ),
    ],
)
def test_a_changed_setting_is_one_line(edit: tuple[str, str], line: str) -> None:
    assert changes(edit) == [line]


def test_an_added_action_is_one_line_and_moves_nothing() -> None:
    new = "          - wait: {name: Pause, duration: {lit: {seconds: 5}}}\n          - setParticipantData"
    assert changes(("          - setParticipantData", new)) == ["+ action 'Pause' (wait) in task 'Main'"]


def test_what_is_inside_an_added_or_removed_action_goes_without_saying() -> None:
    start, end = FLOW.index("          - decision"), FLOW.index("          - callCommonModule")
    without = loaded(FLOW[:start] + FLOW[end:])
    line = "action 'Open?' (decision) in task 'Main': with 3 more inside"
    assert diff_text(diff_sources(loaded(FLOW), without)) == f"- {line}\n"
    assert diff_text(diff_sources(without, loaded(FLOW))) == f"+ {line}\n"


def test_an_action_that_changes_its_order_is_the_only_one_that_moved() -> None:
    after = loaded(FLOW)
    actions = after["inboundCall"]["tasks"][0]["task"]["actions"]  # type: ignore[index]
    actions.insert(0, actions.pop())
    assert diff_sources(loaded(FLOW), after).entries == (
        DiffEntry(
            DiffKind.MOVED,
            "action 'Bye' (disconnect)",
            "task 'Main'",
            "",
            "after action 'Module' (callCommonModule)",
            "first",
        ),
    )


def test_an_action_that_goes_elsewhere_moved_and_takes_its_inside_along() -> None:
    after = loaded(FLOW)
    tasks = after["inboundCall"]["tasks"]  # type: ignore[index]
    tasks[1]["task"]["actions"].append(tasks[0]["task"]["actions"].pop(2))
    assert diff_text(diff_sources(loaded(FLOW), after)) == "> action 'Open?' (decision): task 'Main' -> task 'Other'\n"


def test_wrapping_actions_in_a_new_one_says_that_they_moved() -> None:
    after = loaded(FLOW)
    actions = after["inboundCall"]["tasks"][0]["task"]["actions"]  # type: ignore[index]
    actions[:1] = [{"decision": {"name": "New", "outputs": {"yes": {"actions": actions[:1]}}}}]
    assert diff_text(diff_sources(loaded(FLOW), after)).splitlines() == [
        "+ action 'New' (decision) in task 'Main'",
        "> action 'Play greeting' (playAudio): task 'Main' -> task 'Main' > action 'New' (decision) > yes",
    ]


def test_a_renamed_action_is_not_a_new_one() -> None:
    assert changes(("name: Play greeting", "name: Greet")) == [
        "~ action 'Greet' (playAudio) in task 'Main': name: \"Play greeting\" -> \"Greet\""
    ]


def test_a_renamed_task_changes_no_jump_to_it() -> None:
    edits = (("name: Other", "name: Else"), ("Other_20", "Else_20"))
    assert changes(*edits) == ['~ task \'Else\': name: "Other" -> "Else"']


def test_a_jump_to_another_task_is_a_change() -> None:
    assert changes(
        ('targetTaskRef: "/inboundCall/tasks/task[Other_20]"', 'targetTaskRef: "/inboundCall/tasks/task[Main_10]"')
    ) == [f"~ action 'Help' (callTask) {OPEN} > yes: target task ref: \"task 'Other'\" -> \"task 'Main'\""]


@pytest.mark.parametrize(
    "edits", [[("trackingId: 1", "trackingId: 77")], [("Other_20", "Other_99"), ("Main_10", "Main_11")]]
)
def test_numbers_that_architect_gives_anew_are_noise(edits: list[tuple[str, str]]) -> None:
    assert changes(*edits) == []


def test_an_index_of_referenced_objects_is_noise() -> None:
    assert changes(("  division", "  referencedObjects: {flows: [{flow: {name: X}}]}\n  division")) == []


def test_an_item_that_is_inserted_into_a_list_leaves_the_others_alone() -> None:
    new = "attributes: [{attribute: {name: {lit: b}, value: {lit: 2}}}, "
    (line,) = changes(("attributes: [", new))
    assert line.startswith("+ action 'Remember' (setParticipantData) in task 'Main': attributes > attribute b")


def test_the_order_of_items_counts() -> None:
    def flow(order: str) -> Json:
        statements = {"x": "{string: {variable: x, value: {lit: 1}}}", "y": "{string: {variable: y, value: {lit: 2}}}"}
        items = ", ".join(statements[name] for name in order)
        return loaded(
            f"workflow: {{name: W, startUpTaskActions: [{{updateData: {{name: U, statements: [{items}]}}}}]}}"
        )

    (entry,) = diff_sources(flow("xy"), flow("yx")).entries
    assert (entry.kind, entry.before, entry.after) == (DiffKind.MOVED, "string x, string y", "string y, string x")


def test_secrets_are_masked_by_the_name_that_they_stand_under() -> None:
    (line,) = changes(("first-secret", "second-secret"))
    assert line == "~ variable 'Flow.ApiToken' (stringVariable): initial value: *** -> ***"


@pytest.mark.parametrize(
    "content",
    [
        "callData: {category: {C: {dataAction: {A: {inputs: {ClientSecret: {lit: VALUE}}}}}}}",
        "updateData: {statements: [{string: {variable: Task.apiKey, value: {lit: VALUE}}}]}",
        "setParticipantData: {attributes: [{attribute: {name: {lit: password}, value: {lit: VALUE}}}]}",
        "callData: {headers: {lit: 'Bearer VALUE'}}",
    ],
)
@pytest.mark.parametrize("before", ["hunter2-old", None])
def test_no_shape_of_a_secret_is_shown(content: str, before: str | None) -> None:
    def flow(secret: str | None) -> Json:
        action = "" if secret is None else f"{{{content.replace('VALUE', secret)}}}"
        return loaded(f"workflow: {{name: W, startUpTaskActions: [{{a: {{name: same}}}}, {action}]}}")

    diff = diff_sources(flow(before), flow("hunter2-new"))
    assert not diff.empty
    assert "hunter2" not in diff_text(diff) + json.dumps(diff_json(diff))


def test_values_that_are_registered_as_secrets_are_masked_wherever_they_stand() -> None:
    after = loaded(FLOW.replace("tts: Welcome", f"tts: {'x' * 70} s3cr3t-s3cr3t tail"))
    diff = diff_sources(loaded(FLOW), after, mask=Redactor(["s3cr3t-s3cr3t"]).text)
    assert "s3cr" not in diff_text(diff)


def test_names_and_values_cannot_break_the_line() -> None:
    after = loaded(
        FLOW.replace("name: Bye", 'name: "Bye\\n+ fake \\u001b[31m \\u202e"').replace("tts: Welcome", 'tts: "a\\nb"')
    )
    text = diff_text(diff_sources(loaded(FLOW), after))
    assert len(text.splitlines()) == len(diff_sources(loaded(FLOW), after).entries) == 2
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_long_values_are_cut_where_they_differ() -> None:
    long = "word " * 60
    after = loaded(FLOW.replace("tts: Welcome", f"tts: {long}end"))
    before = loaded(FLOW.replace("tts: Welcome", f"tts: {long}stop"))
    (entry,) = diff_sources(before, after).entries
    assert "stop" in str(entry.before)
    assert "end" in str(entry.after)
    assert max(len(str(entry.before)), len(str(entry.after))) <= 80


def test_json_carries_every_field() -> None:
    diff = diff_sources(loaded(FLOW), loaded(FLOW.replace("division: Home", "division: North")))
    assert diff_json(diff) == {
        "summary": {"added": 0, "removed": 0, "moved": 0, "changed": 1},
        "entries": [
            {
                "kind": "changed",
                "what": "flow 'Main IVR'",
                "where": "",
                "setting": "division",
                "before": '"Home"',
                "after": '"North"',
            }
        ],
    }
