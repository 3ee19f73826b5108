"""A flow file that needs a queue and a data action, and the lines where it names them."""

from __future__ import annotations

NEEDY = """\
inboundCall:
  name: {name}
  startUpRef: /inboundCall/tasks/task[Main_1]
  tasks:
    - task:
        name: Main
        refId: Main_1
        actions:
          - transferToAcd:
              name: To sales
              targetQueue:
                lit:
                  name: {queue}
          - callData:
              name: Ask
              category:
                CRM:
                  dataAction:
                    Look up: {{inputs: {{none: true}}}}
"""
QUEUE_LINE = 13
ACTION_LINE = 19


def needy(name: str = "Desk", queue: str = "Sales") -> str:
    """The file of a flow that transfers to this queue."""
    return NEEDY.format(name=name, queue=queue)
