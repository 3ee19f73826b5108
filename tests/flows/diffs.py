"""A flow to change, and diffs as lines that a test can compare."""

from __future__ import annotations

from controller.flows.diff_model import FlowDiff

FLOW = """
inboundCall:
  name: Main IVR
  division: Home
  startUpRef: "/inboundCall/tasks/task[Main_10]"
  variables:
    - stringVariable: {name: Flow.Greeting, initialValue: {lit: Hello}}
    - stringVariable: {name: Flow.ApiToken, initialValue: {lit: first-secret}}
  tasks:
    - task:
        name: Main
        refId: Main_10
        actions:
          - playAudio: {name: Play greeting, trackingId: 1, audio: {tts: Welcome}}
          - setParticipantData: {name: Remember, attributes: [{attribute: {name: {lit: a}, value: {lit: 1}}}]}
          - decision:
              name: Open?
              condition: {exp: Flow.open}
              outputs:
                yes:
                  actions:
                    - transferToAcd: {name: To queue, targetQueue: {lit: {name: Sales}}, priority: {lit: 0}}
                    - callTask: {name: Help, targetTaskRef: "/inboundCall/tasks/task[Other_20]"}
                no:
                  actions:
                    - playAudio: {name: Closed, audio: {prompt: Prompt.Closed}}
          - callCommonModule:
              name: Module
              commonModule: {Greeter: {ver_latestPublished: {inputs: {Common.x: {lit: 1}}}}}
          - disconnect: {name: Bye}
    - task:
        name: Other
        refId: Other_20
        actions:
          - endTask: {name: Done}
"""


def diff_text(diff: FlowDiff) -> str:
    """One line for each difference; empty when there is none."""
    return "".join(f"{entry}\n" for entry in diff.entries)
