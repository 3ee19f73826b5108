"""`--wait` follows an action to its end, and says what it sees on the way."""

from __future__ import annotations

import json

import pytest

from controller.cli import exit_codes
from controller.cli.options import TextOrJson
from controller.cli.remote import ControllerClient
from controller.cli.remote_actions import carry_out
from controller.domain.errors.api import ControllerUnavailable
from tests.support.scripted import BROKEN, Answer, Served

AT = "2026-11-24T14:05:00+00:00"
ASKED = {
    "id": 12,
    "organization": "acme",
    "flow": "front",
    "verb": "rollback",
    "digest": None,
    "version": None,
    "by": "ada",
    "reason": "callers hear silence",
    "at": AT,
    "taken_by": None,
    "taken_at": None,
    "done_at": None,
    "outcome": None,
    "message": None,
}
TAKEN = ASKED | {"taken_by": "node-a", "taken_at": AT}


def action(**given: object) -> Answer:
    return Answer(200, {"schema": "penstock.action/v1", "action": TAKEN | given})


def ended(outcome: str, message: str | None = None) -> Answer:
    return action(done_at=AT, outcome=outcome, message=message)


def running(*states: str, organization: str = "acme") -> Answer:
    flow = {"organization": organization, "flow": "front", "sync_id": 7, "kind": "restore", "version": "1.0"}
    rest = {"since": AT, "until": None, "percent": 5.0, "stage": None, "gate": None, "message": "", "at": AT}
    found = {
        "organization": organization,
        "holder": "node-a",
        "step": "bring_back",
        "trigger": "rollback",
        "since": AT,
        "done": None,
        "total": None,
        "beat_at": AT,
        "heard": True,
        "flows": [flow | rest | {"state": state} for state in states],
        "waiting": [],
        "waiting_total": 0,
    }
    return Answer(200, {"schema": "penstock.running/v1", "at": AT, "passes": [found]})


def roll_back(remote: ControllerClient, *, wait: bool = True, output: TextOrJson = TextOrJson.TEXT) -> int:
    body = {"reason": "callers hear silence", "flow": "front"}
    return carry_out(remote, "/organizations/acme/rollback", body, wait=wait, output=output)


def test_each_step_is_told_once_and_the_end_is_the_answer(
    remote: ControllerClient, served: Served, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    served.answers = [
        *(action(), action(), running("uploading"), action(), running("uploading")),
        *(action(), running("publishing"), action(), running("publishing", organization="other")),
        *(ended("done", "front is back at 1.0"), running()),
    ]

    assert roll_back(remote) == exit_codes.DONE

    out, err = capsys.readouterr()
    assert out == "acme: rollback of front is done (action 12): front is back at 1.0\n"
    assert err.splitlines() == [
        "acme: bring_back",
        "acme: front: uploading 1.0",
        "acme: front: publishing 1.0",
        "acme: bring_back",
    ]
    assert pauses == [1.0] * 5


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("refused", exit_codes.REFUSED), ("failed", exit_codes.ERROR), ("interrupted", exit_codes.ERROR)],
)
def test_the_exit_code_says_how_it_ended(
    remote: ControllerClient, served: Served, outcome: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    served.answers = [action(), ended(outcome, "no version before \x1b[31m"), running()]

    assert roll_back(remote, output=TextOrJson.JSON) == code

    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["action"]["outcome"]) == ("penstock.action/v1", outcome)


def test_without_waiting_the_controller_has_it(
    remote: ControllerClient, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    served.answers = [Answer(202, {"schema": "penstock.action/v1", "action": ASKED})]

    assert roll_back(remote, wait=False) == exit_codes.DONE

    assert "asked for by ada (action 12)" in capsys.readouterr().out
    assert len(served.asked) == 1


def test_a_controller_that_restarts_meanwhile_is_asked_again(
    remote: ControllerClient, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    served.answers = [action(), *[BROKEN] * 4, Answer(502, b"<html>"), ended("done"), running()]

    assert roll_back(remote) == exit_codes.DONE
    assert capsys.readouterr().out.startswith("acme: rollback of front is done")


def test_a_controller_that_stays_away_is_given_up_and_goes_on_with_the_action(
    remote: ControllerClient, served: Served, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    served.answers = [action(), *[BROKEN] * 1000]

    with pytest.raises(ControllerUnavailable):
        roll_back(remote)

    assert "action 12 is not ended by this" in capsys.readouterr().err
    assert 180 < sum(pauses) < 600


def test_ctrl_c_ends_the_waiting_alone(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    served.answers = [action()]
    with ControllerClient(served.url, None, interrupted) as remote, pytest.raises(KeyboardInterrupt):
        roll_back(remote)

    assert "the controller goes on with it" in capsys.readouterr().err
