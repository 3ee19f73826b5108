"""`penstock demo`: the main job from start to finish, on a temporary git remote and a simulated organisation.

Every chapter checks its own results; the first failed check ends the demo with an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from controller.cli.apply_output import apply_text
from controller.cli.commands.demo.stage import DemoStage, open_stage
from controller.delivery.result import Outcome
from controller.domain.desired import DesiredFlow, SourceFile
from controller.domain.errors.branches import Permanent
from controller.domain.references import Resolution
from controller.domain.status import SyncStatus
from controller.planning.model import Plan
from controller.planning.rendering.text import plan_text
from controller.reconcile.report import PassReport

_MODULE = ("commonmodule", "Branded Greeting")
_CALLER = ("inboundcall", "Main IVR")
_FAILING = ("securecall", "Card Payment")
_INNOCENT = ("inboundemail", "Customer Mail")
_RECORDS = "origin/penstock/records"


class DemoFailed(Permanent):
    """A check of the demo failed."""


class Narrator:
    """Prints chapters, commands, output and checks."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._chapter = 0

    def chapter(self, title: str) -> None:
        self._chapter += 1
        self._console.print()
        self._console.print(Text(f"{self._chapter}. {title}", style="bold"))

    def command(self, line: str) -> None:
        """Show the command that a person would type."""
        self._console.print(Text(f"$ {line}", style="cyan"))

    def show(self, text: str) -> None:
        for line in text.splitlines():
            self._console.print(Text(f"  {line}".rstrip()))

    def check(self, claim: str, *, holds: bool) -> None:
        """Show a claim that holds. Raises DemoFailed when it does not."""
        if not holds:
            raise DemoFailed(f"chapter {self._chapter}: this does not hold: {claim}")
        self._console.print(Text(f"  ✓ {claim}", style="green"))


def demo() -> None:
    """Play all chapters. Raises DemoFailed when a check fails."""
    say = Narrator()
    with open_stage() as stage:
        for chapter in CHAPTERS:
            chapter(stage, say)


def first_deployment(stage: DemoStage, say: Narrator) -> None:
    say.chapter("An empty organisation, and a repository that describes its flows")
    report = _shown_plan(stage, say)
    say.check("every flow is to be created", holds=_kinds(report) == {"create": len(report.plan_or_raise().changes)})
    say.command("penstock apply manifests")
    applied = stage.apply()
    say.show(apply_text([applied]))
    say.check("everything is live", holds=applied.delivered)
    desired = [change.desired for change in report.plan_or_raise().changes if change.desired]
    in_order = _callees_before_callers(desired, stage.flows())
    say.check("no flow went live before a flow that it uses", holds=in_order)


def nothing_to_do(stage: DemoStage, say: Narrator) -> None:
    say.chapter("The same revision again")
    stage.reset_calls()
    report = _shown_plan(stage, say)
    say.check(f"the plan is empty, at a cost of {stage.calls()} calls", holds=report.plan_or_raise().empty)
    say.check("git and the organisation agree", holds=report.sync_status is SyncStatus.SYNCED)


def changed_module(stage: DemoStage, say: Narrator) -> None:
    say.chapter("A commit rewords the common module that greets callers")
    _edit(stage, "branded-greeting.yaml", "Our desks are closed at the moment.", "Our desks are closed right now.")
    stage.commit("Reword the greeting outside opening hours")
    report = _shown_plan(stage, say)
    say.check("its callers are to be published again", holds=_kinds(report) == {"publish": 1, "republish": 2})
    applied = stage.apply()
    say.command("penstock apply manifests")
    say.show(apply_text([applied]))
    module, caller = stage.flow(*_MODULE), stage.flow(*_CALLER)
    bound = next(v["bindings"] for v in caller["versions"] if v["version"] == caller["published_version"])
    say.check("the main line now uses the new version of the module", holds=bound.get(module["id"]) == "2.0")


def failed_publish(stage: DemoStage, say: Narrator) -> None:
    say.chapter("A publish that fails")
    before = _versions(stage)
    _edit(stage, "outage-helper.yaml", "Tells customers in messages", "Tells customers at once")
    _edit(stage, "card-payment.yaml", "Takes a card payment;", "Takes a payment by card;")
    stage.commit("Describe two flows better")
    stage.set_faults([{"name": "card payment fails", "kind": "job-fails", "match": {"flow": _FAILING[1]}}])
    _shown_plan(stage, say)
    say.command("penstock apply manifests")
    applied = stage.apply()
    say.show(apply_text([applied]))
    rolled_back = applied.result is not None and applied.result.outcome is Outcome.ROLLED_BACK
    say.check("the sync failed and was rolled back", holds=rolled_back)
    say.check("every flow is at the version that it had before", holds=_versions(stage) == before)
    stage.set_faults([])
    report = stage.plan()
    blocked = [change.flow for change in report.plan_or_raise().actions if change.blocked]
    say.check(f"a failed change is not tried again without a new commit: {', '.join(blocked)}", holds=bool(blocked))
    say.command("git revert HEAD")
    stage.git("revert", "--no-edit", "HEAD")
    stage.git("push", "--quiet", "origin", "HEAD:main")
    say.check("after the revert there is nothing to do", holds=stage.plan().plan_or_raise().empty)


def drift(stage: DemoStage, say: Narrator) -> None:
    say.chapter("A person publishes in Architect, past git")
    stage.publish_by_hand(stage.flow(*_INNOCENT)["id"], "Ada Lovelace")
    report = _shown_plan(stage, say)
    plan = report.plan_or_raise()
    say.check("the drift is reported, by the flow's name", holds=[d.flow for d in plan.drift] == ["customer-mail"])
    say.check("nothing is changed, because the manifest does not say heal", holds=plan.empty)


def artifacts(stage: DemoStage, say: Narrator) -> None:
    say.chapter("The records in git")
    say.command("git log --oneline origin/penstock/records")
    stage.git("fetch", "--quiet")
    log = stage.git("log", "--oneline", "--no-decorate", _RECORDS)
    say.show(log)
    say.check("each delivery that changed something is a commit", holds=log.count("demo: record") == 2)
    say.command("git show --stat origin/penstock/records")
    say.show(stage.git("show", "--stat=100", "--format=%an: %s%n%n%b", _RECORDS))


CHAPTERS = (first_deployment, nothing_to_do, changed_module, failed_publish, drift, artifacts)


def _shown_plan(stage: DemoStage, say: Narrator) -> PassReport:
    say.command("penstock plan manifests")
    report = stage.plan()
    say.show(plan_text([report.plan_or_raise()]))
    return report


def _kinds(report: PassReport) -> dict[str, int]:
    """How many changes there are of each kind that there is."""
    plan: Plan = report.plan_or_raise()
    return {kind: count for kind, count in plan.summary().items() if count and kind != "none"}


def _versions(stage: DemoStage) -> dict[str, str]:
    return {f"{flow['type']}/{flow['name']}": flow["published_version"] for flow in stage.flows()}


def _edit(stage: DemoStage, file: str, old: str, new: str) -> None:
    path = stage.clone / "examples" / "flows" / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def _callees_before_callers(desired: Iterable[DesiredFlow], flows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether each flow's first publish came after the first publish of every flow that its file names.

    Read from the organisation's history: the waves of the plan would only prove themselves.
    """
    first_publish = {flow["name"]: _first_publish(flow) for flow in flows}
    return all(
        first_publish[reference.name] < first_publish[flow.key.name]
        for flow in desired
        if isinstance(flow.source, SourceFile)
        for reference in flow.source.references
        if reference.resolution is Resolution.STATIC
    )


def _first_publish(flow: Mapping[str, Any]) -> str:
    return str(next(entry["at"] for entry in flow["history"] if entry["action"] == "publish"))
