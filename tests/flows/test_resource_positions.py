"""Each resource is told with the line and the column of its name, and with what is used of it."""

from __future__ import annotations

import pytest

from controller.flows.flow_file import parse
from controller.manifests.source_facts import SourceFacts, source_facts

TEXT = """\
inboundCall:
  name: Front
  other: {division: Nowhere}
  division: Sales
  supportedLanguages:
    en-us:
      defaultLanguageSkill:
        lit:
          name: English
    nl-nl: {none: true}
  settingsActionDefaults:
    playAudio:
      silence: {lit: {ms: 1}}
  tasks:
    - task:
        name: Main
        actions:
          - playAudio:
              name: Hello
              audio:
                silence:
                  lit: {ms: 250}
                prompt: Prompt.Welcome
          - callData:
              timeout: {lit: {minutes: 1}}
              category:
                CRM:
                  dataAction:
                    Look up:
                      inputs: {none: true}
          - dataTableLookup:
              dataTable:
                "Opening hours":
                  foundOutputs:
                    Open: {var: Task.open}
                    Closes: {noValue: true}
          - transferToAcd:
              targetQueue:
                exp: |-
                  FindQueue("Desk")
              acdSkills:
                - acdSkill: {lit: {name: VIP}}
"""
PLACES = {
    "division": ("Sales", (4, 3)),
    "language-skill": ("English", (9, 11)),
    "user-prompt": ("Welcome", (23, 17)),
    "data-action": ("CRM / Look up", (29, 21)),
    "data-table": ("Opening hours", (33, 17)),
    "queue": ("Desk", (39, 17)),
    "skill": ("VIP", (42, 35)),
}


@pytest.mark.parametrize("kind", sorted(PLACES))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_resource_stands_where_its_name_is_written(kind: str, end: str) -> None:
    found = {each.kind: (each.name, each.position) for each in parse(TEXT.replace("\n", end)).resources}
    assert found[kind] == PLACES[kind]


def test_a_lookup_tells_the_columns_that_it_reads_and_a_prompt_the_languages_of_its_flow() -> None:
    parts = {each.kind: each.parts for each in parse(TEXT).resources if each.parts}
    assert parts == {"data-table": ("Open", "Closes"), "user-prompt": ("en-us", "nl-nl")}


def test_a_key_that_only_looks_like_it_further_down_is_not_taken() -> None:
    """The mapping has ended where a line is less indented."""
    text = "inboundCall:\n  name: F\n  a: [{b: 1, exp: 'FindQueue(\"Q\")'}]\n  exp: x\n"
    assert [each.position for each in parse(text).resources] == [(3, 7)]


def test_places_and_parts_survive_in_the_cache_of_facts() -> None:
    flow = parse(TEXT)
    facts = SourceFacts(flow.key, flow.digest, flow.references, flow.resources)
    read = source_facts(facts.encoded())
    assert read is not None
    assert read.resources == facts.resources
    assert [each.position for each in read.resources] == [each.position for each in facts.resources]
