"""Names that try to be more than text, and plans made of them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from controller.domain.identity import FlowKey
from controller.planning.model import Blocked, Change, ChangeKind, Drift, HeldBack, Plan
from controller.planning.rendering.view import FlowDifference, PlanView
from controller.questions.plan_views import mermaid_order

DANGEROUS = [
    "@team", "#12", "GH-1", "gh-1", "o/r#3", "o/r@d8a994e", "/issues/4", "!5", "~bug", "~\"a b\"", "%m", "$6", "&7",
    "^alert#8", "*iteration:\"x\"", "[issue:9]", "[[page]]", "{+x+}", "[-x-]", "d8a994ef243349f3", "ABC-17", ":tada:",
    "https://example.com", "www.example.com", "a@example.org", "mailto:a@e.org", "xmpp:a@e.org/x", "<b>", "</td>",
    "<script>", "<!--", "-->", "![i](x)", "[a](b)", "[a]: x", "[^1]", "`", "``", "```", "|", "\\", "\\|", "*",
    "**", "_", "__", "~~", "- ", "+ ", "1. ", "2) ", "# ", "> ", "---", "===", "    ", "\t", "\n", "\r\n",
    "\n\n", "/close", "\n/close", "&lt;", "&#64;x", "$x$", "$`x`$", "::", "</details>", "<details>", "\x00",
    "\x1b[31m", "\u200b", "\u202e", "\u2028",
    "\u2066", "\ufeff", "\ud800", "客服", "😀", "\u00a0", "a", " ", "x-1",
]  # fmt: skip
NAMES = st.lists(st.one_of(st.sampled_from(DANGEROUS), st.text(max_size=5)), max_size=8).map("".join)


def view_of(name: str) -> PlanView:
    """A view in which every text is this name: changes alone and in groups, blocked or not, and all that is beside."""
    blocked = Blocked(name, name)

    def change(flow: str, kind: ChangeKind, block: Blocked | None, follows: Sequence[FlowKey] = ()) -> Change:
        return Change(
            flow, FlowKey(name, flow), kind, None, name, name, name, 1, (name,), blocked=block, warnings=(name,),
            follows=tuple(follows),
        )  # fmt: skip

    changes = (
        change(name, ChangeKind.RESTORE, None),
        *(change(f"{name}{number}", ChangeKind.SWITCH, blocked) for number in range(4)),
        *(change(f"{number}{name}", ChangeKind.REPUBLISH, None, [FlowKey(name, name)]) for number in range(3)),
        change(f"{name}=", ChangeKind.NONE, None),
    )
    plan = Plan(
        name, name, "sha256:1f", changes, (Drift(name, FlowKey(name, name), name, name, name, name),), 1,
        ((name, name),), (name,), (name,),
        held_back=(HeldBack(name, name, name, name), HeldBack(None, name, name, name)),
    )  # fmt: skip
    difference = FlowDifference(name, name, ((name, name), ("~", name)))
    return PlanView(plan, (difference,), mermaid_order(plan))
