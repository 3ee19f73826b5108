"""A manifest names receivers of the operator; a name that is not known is a mistake where it can be known."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.notification import NotificationEvent, NotificationSeverity
from controller.manifests.assembly import Hosts
from tests.manifests.repository import flow, load, organization, write

RULES = "  notifications:\n    - receiver: voice-slak\n      events: [failed, recovered]\n      severity: warning\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path, {"organization.yaml": organization(RULES), "main-ivr.yaml": flow()})


def test_an_unknown_receiver_is_a_mistake_with_its_line_and_a_close_name(root: Path) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        load(root, hosts=Hosts(receivers={"voice-slack", "mail"}))

    (mistake,) = caught.value.mistakes
    line = (root / "organization.yaml").read_text().splitlines().index("    - receiver: voice-slak") + 1
    assert str(mistake.origin).startswith(f"organization.yaml:{line}:")
    assert 'names "voice-slak", which is no receiver of the operator' in mistake.message
    assert "voice-slack" in (mistake.hint or "")


def test_without_the_configuration_it_is_only_doubted(root: Path) -> None:
    found = load(root)

    (doubt,) = found.doubts
    assert 'spec.notifications names "voice-slak": whether there is such a receiver is not known here' in doubt.message
    assert "PENSTOCK_CONFIG" in (doubt.hint or "")


def test_a_known_receiver_is_a_rule_of_the_organisation(root: Path) -> None:
    found = load(root, hosts=Hosts(receivers={"voice-slak"}))

    (rule,) = found.organizations[0].notifications
    assert (rule.receiver, rule.severity) == ("voice-slak", NotificationSeverity.WARNING)
    assert rule.events == {NotificationEvent.FAILED, NotificationEvent.RECOVERED}
    assert found.doubts == ()


def test_a_manifest_cannot_say_where_a_receiver_is(tmp_path: Path) -> None:
    spec = "  notifications:\n    - receiver: voice-slack\n      url: https://evil.example.com\n"
    write(tmp_path, {"organization.yaml": organization(spec), "main-ivr.yaml": flow()})

    with pytest.raises(ManifestInvalid, match='unknown key "url"'):
        load(tmp_path)
