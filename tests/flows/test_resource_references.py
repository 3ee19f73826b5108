"""Every shape in which Archy YAML refers to a queue, a data action, a prompt or another resource is found."""

from __future__ import annotations

import pytest

from controller.domain.references import Resolution
from controller.flows.flow_file import parse

STATIC, DYNAMIC, UNKNOWN = Resolution.STATIC, Resolution.DYNAMIC, Resolution.UNKNOWN


def found(actions: str, settings: str = "x: 1") -> list[tuple[str, str, Resolution]]:
    text = f"inboundCall: {{name: F, {settings}, tasks: [{{task: {{name: T, actions: [{actions}]}}}}]}}"
    return [(resource.kind, resource.name, resource.resolution) for resource in parse(text).resources]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("callData: {category: {C : {dataAction: {'A ': {inputs: {}}}}}}", ("data-action", "C / A ", STATIC)),
        ("callDataSecure: {category: {C: {dataAction: {A: {}}}}}", ("data-action", "C / A", STATIC)),
        ("dataTableLookup: {dataTable: {T 1: {foundOutputs: {none: true}}}}", ("data-table", "T 1", STATIC)),
        ("callGuide: {guide: {My Guide: {ver_1: {none: true}}}}", ("guide", "My Guide", STATIC)),
        (
            "callAgenticVirtualAgent: {agenticVirtualAgent: {Ava: {ver_latestPublished: {none: true}}}}",
            ("virtual-agent", "Ava", STATIC),
        ),
        ("callDecisionTable: {decisionTable: {D: {}}}", ("decision-table", "D", STATIC)),
        ("setScreenPop: {screenPopScript: {S: {inputs: {}}}}", ("script", "S", STATIC)),
        ("transferToAcd: {targetQueue: {lit: {name: Q}}}", ("queue", "Q", STATIC)),
        ("transferToAcd: {targetQueue: {exp: Task.q}}", ("queue", "Task.q", DYNAMIC)),
        ("transferToAcd: {targetQueue: {var: Task.q}}", ("queue", "Task.q", DYNAMIC)),
        ('transferToAcd: {targetQueue: {exp: \'FindQueue("Q \\"1\\"")\'}}', ("queue", 'Q "1"', STATIC)),
        ("transferToAcd: {targetQueue: {exp: FindQueue(Flow.q)}}", ("queue", "FindQueue(Flow.q)", DYNAMIC)),
        ("transferToAcd: {targetQueue: {exp: 'FindQueueById(\"1\")'}}", ("queue", 'FindQueueById("1")', DYNAMIC)),
        ("transferToVoicemail: {destination: {queue: {targetQueue: {lit: {name: Q}}}}}", ("queue", "Q", STATIC)),
        ("createCallback: {queue: {lit: {name: Q}}}", ("queue", "Q", STATIC)),
        ("updateData: {statements: [{queue: {variable: v, value: {lit: {name: Q}}}}]}", ("queue", "Q", STATIC)),
        ("findQueue: {name: Find, findName: {lit: Q}}", ("queue", "Q", STATIC)),
        ("findQueue: {findName: {exp: Flow.q}}", ("queue", "Flow.q", DYNAMIC)),
        ("findQueueById: {findId: {exp: Flow.id}}", ("queue", "Flow.id", DYNAMIC)),
        ("findQueueById: {findId: {lit: 1-2}}", ("queue", "1-2", UNKNOWN)),
        ("findHologram: {findName: {lit: H}}", ("unknown", "H", UNKNOWN)),
        ("transferToAcd: {acdSkills: [{acdSkill: {lit: {name: K}}}]}", ("skill", "K", STATIC)),
        ("transferToAcd: {acdSkills: [{acdSkill: {exp: 'FindSkill(\"K\")'}}]}", ("skill", "K", STATIC)),
        ("transferToAcd: {languageSkill: {lit: {name: Dutch}}}", ("language-skill", "Dutch", STATIC)),
        ("transferToUser: {targetUser: {exp: Task.user}}", ("user", "Task.user", DYNAMIC)),
        ("transferToGroup: {targetGroup: {lit: {name: G}}}", ("group", "G", STATIC)),
        (
            "evaluateSchedule: {evaluationType: {schedule: {selectedSchedule: {lit: {name: S}}}}}",
            ("schedule", "S", STATIC),
        ),
        ("evaluateScheduleGroup: {scheduleGroup: {lit: {name: S}}}", ("schedule-group", "S", STATIC)),
        (
            "evaluateScheduleGroup: {emergencyGroup: {exp: 'FindEmergencyGroup(\"E\")'}}",
            ("emergency-group", "E", STATIC),
        ),
        ("setFlowOutcome: {flowOutcome: {name: O}}", ("flow-outcome", "O", STATIC)),
        ("addFlowMilestone: {milestone: {name: M}}", ("flow-milestone", "M", STATIC)),
        ("setWrapupCode: {wrapupCode: {lit: {name: W}}}", ("wrap-up-code", "W", STATIC)),
        ("playAudio: {audio: {prompt: Prompt.Welcome_1}}", ("user-prompt", "Welcome_1", STATIC)),
        ("playAudio: {audio: {exp: 'Append(Prompt.Welcome, x)'}}", ("user-prompt", "Welcome", STATIC)),
        ("playAudio: {audio: {exp: 'ToAudio(FindUserPrompt(\"Hi\"))'}}", ("user-prompt", "Hi", STATIC)),
        ("playAudio: {audio: {lit: {name: Prompt.Welcome}}}", ("user-prompt", "Welcome", STATIC)),
        ("playAudio: {audio: {prompt: PromptSystem.processing}}", ("system-prompt", "processing", STATIC)),
        ("playAudio: {audio: {exp: PromptSystem.on_hold_music}}", ("system-prompt", "on_hold_music", STATIC)),
        (
            "playAudio: {audio: {exp: 'FindSystemPrompt(\"processing\")'}}",
            ("system-prompt", "processing", STATIC),
        ),
        ("playAudio: {audio: {lit: {name: PromptSystem.beep}}}", ("system-prompt", "beep", STATIC)),
        ("doSomething: {hologram: {lit: {name: H}}}", ("unknown", "H", UNKNOWN)),
        ("doSomething: {value: {exp: 'FindHologram(\"H\")'}}", ("unknown", "H", UNKNOWN)),
    ],
)
def test_each_shape_is_found_once(action: str, expected: tuple[str, str, Resolution]) -> None:
    assert found(f"{{{action}}}") == [expected]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("settingsErrorHandling: {errorHandling: {queue: {targetQueue: {lit: {name: Q}}}}}", ("queue", "Q")),
        ("variables: [{queueVariable: {name: Flow.q, initialValue: {lit: {name: Q}}}}]", ("queue", "Q")),
        ("variables: [{skillVariable: {name: Flow.s, initialValue: {lit: {name: K}}}}]", ("skill", "K")),
        ("settingsOutboundCall: {contactList: {lit: {name: L}}}", ("contact-list", "L")),
        ("settingsOutboundCall: {wrapupCode: {lit: {name: W}}}", ("wrap-up-code", "W")),
        ("settingsKnowledge: {KB: {maxNumOfAnswersReturned: {lit: 3}}}", ("knowledge-base", "KB")),
        ("settingsInQueueCall: {holdMusic: {lit: {name: Prompt.Music}}}", ("user-prompt", "Music")),
        ("supportedLanguages: {en-us: {textToSpeech: {Engine: {voice: J}}}}", ("tts-engine", "Engine")),
        ("supportedLanguages: {en-us: {speechToText: {engine: {name: E}}}}", ("stt-engine", "E")),
        ("supportedLanguages: {en-us: {defaultLanguageSkill: {lit: {name: English}}}}", ("language-skill", "English")),
        ("worktype: {name: Claims}", ("worktype", "Claims")),
        ("division: Home", ("division", "Home")),
    ],
)
def test_settings_refer_too(settings: str, expected: tuple[str, str]) -> None:
    assert found("", settings) == [(*expected, STATIC)]


@pytest.mark.parametrize(
    "action",
    [
        "playAudio: {audio: {exp: 'ToAudioTTS(\"FindQueue(Prompt.X)\")'}}",
        "playAudio: {audio: {tts: Prompt.X}}",
        "transferToAcd: {targetQueue: {noValue: true}}",
        "evaluateScheduleGroup: {scheduleGroup: {exp: ToScheduleGroup(NOT_SET)}}",
        "updateData: {statements: [{string: {variable: v, value: {lit: text}}}]}",
        "wait: {duration: {lit: {minutes: 1}}}",
        "setParticipantData: {attributes: [{attribute: {name: {lit: delay}, value: {exp: 'FindString(a, \"b\")'}}}]}",
        "workWithText: {value: {exp: 'FindFirst(Task.list, \"IDLE\")'}}",
        "pick: {value: {exp: Flow.Prompt.x}}",
    ],
)
def test_built_in_unset_and_ordinary_values_are_no_resources(action: str) -> None:
    assert found(f"{{{action}}}") == []


@pytest.mark.parametrize(
    "settings",
    ["settingsKnowledge: {none: true}", "supportedLanguages: {en: {textToSpeech: {defaultEngine: {voice: J}}}}"],
)
def test_settings_that_name_nothing_are_no_resources(settings: str) -> None:
    assert found("", settings) == []


def test_an_expression_may_name_several_things() -> None:
    action = '{a: {value: {exp: \'If(x, FindQueue("A"), FindQueue( "B" )) + Prompt.P\'}}}'
    assert [name for _, name, _ in found(action)] == ["A", "B", "P"]


def test_a_reference_tells_where_it_stands() -> None:
    text = "inboundCall: {name: F, tasks: [{task: {actions: [{transferToAcd: {targetQueue: {lit: {name: Q}}}}]}}]}"
    assert parse(text).resources[0].path == "inboundCall.tasks[0].task.actions[0].transferToAcd.targetQueue"
