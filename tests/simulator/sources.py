"""Small flow files: a greeting module, a call flow that calls it and transfers, and the flow it transfers to."""

GREETING = """commonModule:
  name: Greeting
  description: Says hello
  defaultLanguage: en-us
  startUpTaskActions:
    - updateData:
        name: Set greeting
        statements:
          - string:
              variable: Common.Greeting
              value:
                lit: Hello
    - endTask:
        name: End
"""

SUPPORT = """inboundCall:
  name: Support
  division: Care
  defaultLanguage: en-us
  startUpRef: /inboundCall/tasks/task[Start_10]
  tasks:
    - task:
        name: Start
        refId: Start_10
        actions:
          - disconnect:
              name: Disconnect
"""

MAIN = """inboundCall:
  name: Main IVR
  description: Where every call begins
  defaultLanguage: en-us
  startUpRef: /inboundCall/tasks/task[Start_10]
  tasks:
    - task:
        name: Start
        refId: Start_10
        actions:
          - callCommonModule:
              name: Greet
              commonModule:
                Greeting:
                  ver_latestPublished:
                    none: true
          - decision:
              name: Open?
              condition:
                exp: Flow.Open
              outputs:
                yes:
                  actions:
                    - transferToFlow:
                        name: To support
                        targetFlow:
                          name: Support
                no:
                  actions:
                    - disconnect:
                        name: Closed
"""


def changed(text: str, word: str = "Good evening") -> str:
    """The same flow with other content."""
    return text.replace("Hello", word).replace("Where every call begins", f"Where every call begins, {word}")
