"""Secrets are planted wherever Penstock meets one, a story is told, and everything that was written is searched."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest
from structlog.testing import capture_logs

from controller.cli.apply_document import apply_document
from controller.cli.apply_output import apply_text
from controller.delivery.result import Outcome
from controller.domain.documents import json_text
from controller.domain.redaction import SECRETS
from controller.flows.flow_file import parse
from controller.genesys.connect import connect
from controller.planning.rendering.document import plan_json
from controller.planning.rendering.markdown import plan_markdown
from controller.planning.rendering.page import plan_html
from controller.planning.rendering.text import plan_text
from controller.questions.plan_views import plan_views
from controller.reconcile.delivering import open_delivery
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.service.board import Board
from controller.service.metrics import Metrics
from controller.store.store import Store
from tests.safety.test_announcing import Receiver, receiver
from tests.support.sources import inbound, module
from tests.support.world import RECORDS, SECRET, World

VALUE = "canary-value-of-a-substitution"
GIT_TOKEN = "canary-git-token-0123456789"
WEBHOOK_SECRET = "a-secret-for-change-management"
FAILING_GATE = [{"errorRate": {"window": "1m", "minimumSamples": 500, "max": 1, "onNoData": "fail"}}]

METRICS = Metrics()

__all__ = ["receiver"]


@pytest.fixture
def story(world: World, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world as an operator sets it up: every secret that there is, and one register of them."""
    monkeypatch.setenv("PENSTOCK_VALUE_GREETING", VALUE)
    monkeypatch.setenv("PENSTOCK_GIT_TOKEN", GIT_TOKEN)
    secret = tmp_path.parent / f"{tmp_path.name}-webhook-secret"
    secret.write_text(WEBHOOK_SECRET)
    world.settings = world.settings.model_copy(
        update={
            "webhook_url": receiver.url,
            "webhook_secret_file": secret,
            "audit_dir": world.folder / "audit",
        }
    )
    world.services.store.close()
    store = Store.open(world.settings.store, clock=world.clock, audit_folder=world.folder / "audit")
    settings = world.settings.model_copy(update={"holder": "controller-a"})
    world.services = Services(
        settings,
        store,
        world.clock,
        partial(connect, http=world.http),
        observer=METRICS.calls_of,
        open_delivery=open_delivery,
    )
    return world


def substituted(world: World, says: str, **spec: object) -> None:
    source = {"file": "flows/front.yaml", "substitutions": {"greeting": {"env": "PENSTOCK_VALUE_GREETING"}}}
    world.flow("front", inbound("Front", says="{{greeting}} " + says, calls=["Hours"]))
    world.manifest("front", source=source, **spec)


async def told(world: World) -> list[PassReport]:
    """Deploy, fail with words that repeat a secret, roll back, be drifted from, and find nobody to log in at."""
    world.flow("hours", module("Hours"))
    substituted(world, "First")
    world.commit()
    reports = [await world.apply()]
    assert reports[0].delivered, reports[0].error
    world.flow("hours", module("Hours", says="Second"))
    substituted(world, "Second")
    world.commit()
    world.fault("job-fails", match={"flow": "Front"}, message=f"The prompt {VALUE} is not known.")
    reports.append(await world.apply())
    assert reports[-1].result.outcome is Outcome.ROLLED_BACK
    world.simulator.faults.clear()
    substituted(world, "Third", gates=FAILING_GATE)
    world.commit()
    world.fault("publish-silent-noop", match={"flow": "Front"})
    reports.append(await world.apply())
    world.simulator.faults.clear()
    world.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"))
    reports.append(await world.plan())
    world.simulator.flow("inboundcall", "Front")
    world.fault("html-error", match={"route": "/oauth/token"})
    await world.services.disconnect()
    reports.append(await world.plan())
    return reports


def shown(reports: list[PassReport], world: World) -> Iterator[str]:
    """All that people and programs are shown of these passes."""
    board, metrics = Board(world.clock), METRICS
    for report in reports:
        if report.plan is not None:
            plans = [report.plan]
            yield from (plan_text(plans), plan_json(plans))
            yield from (plan_markdown(plan_views(plans)), plan_html(plan_views(plans)))
            yield repr(report.plan)
        board.post(report)
        metrics.observe(report)
    yield apply_text(reports)
    yield json_text(apply_document(reports))
    yield str(board.entries())
    yield generate_latest(metrics.registry).decode()
    yield generate_latest(REGISTRY).decode()


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below the folder, and every object of its git repositories unpacked."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "simulator" not in file.name:
            yield str(file), file.read_bytes()
    for repository in (folder / "remote.git", folder / "clone"):
        batch = ["git", "cat-file", "--batch", "--batch-all-objects"]
        yield f"objects of {repository}", subprocess.run(batch, cwd=repository, check=True, capture_output=True).stdout


def planted(world: World, receiver: Receiver) -> dict[str, str]:
    issued = list(world.simulator.tokens._issued)
    signatures = [job.key for job in world.simulator.organization.state.jobs.values() if job.key]
    assert issued
    assert signatures
    return {
        "client secret": SECRET,
        "substituted value": VALUE,
        "git token": GIT_TOKEN,
        "webhook secret": WEBHOOK_SECRET,
        "webhook url": receiver.url.rpartition("/")[2],
        **{f"access token {number}": token for number, token in enumerate(issued)},
        **{f"signature {number}": each for number, each in enumerate(signatures)},
    }


async def test_no_secret_is_written_or_shown_anywhere(story: World, receiver: Receiver) -> None:
    with capture_logs() as events:
        reports = await told(story)
        await story.services.disconnect()
    masked = [SECRETS.value(event) for event in events]
    texts = [*shown(reports, story), json.dumps(masked, default=str), json.dumps(receiver.heard)]

    leaks, everything = [], list(written(story.folder))
    for name, secret in planted(story, receiver).items():
        leaks += [
            f"{name} in what is shown: …{text[max(text.find(secret) - 80, 0) :][:200]}…"
            for text in texts
            if secret in text
        ]
        leaks += [f"{name} in {place}" for place, content in everything if secret.encode() in content]
    assert leaks == []


@pytest.mark.parametrize("value", ["plain-canary", 'canary with "quotes" and \\', "it's a canary", "kanarienvögel ☎"])
async def test_an_artifact_without_its_secret_is_still_a_flow_file(
    story: World, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PENSTOCK_VALUE_GREETING", value)
    SECRETS.register(value)
    story.flow("hours", module("Hours"))
    substituted(story, "Text")
    in_single_quotes = '"' in value or "\\" in value
    says = "'{{greeting}}'" if in_single_quotes else '"{{greeting}}"'
    text = inbound("Front", says="{{greeting}}", calls=["Hours"]).replace('"{{greeting}}"', says)
    (story.clone / "flows" / "front.yaml").write_text(text)
    story.commit()

    report = await story.apply()

    assert report.delivered, report.error
    kept = f"origin/{RECORDS}:artifacts/acme/front/1.0"
    text, definition = (story.git("show", f"{kept}.{ending}") for ending in ("yaml", "json"))
    assert parse(text).key.name == "Front"
    assert "REDACTED" in text
    assert value not in text + json.dumps(json.loads(definition), ensure_ascii=False)
    assert value not in [each for each in walk(json.loads(definition)) if isinstance(each, str)]
    await story.assert_settled()


def walk(value: object) -> Iterator[object]:
    """Every value in nested data."""
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(item)
