"""For each alert, series that make it fire, and series that look alike and do not.

A series is written as in promtool's unit tests: `0x30` is 0 for 31 samples, one each minute; `_` is a missing one.
"""

from __future__ import annotations

from dataclasses import dataclass

Series = dict[str, str]


@dataclass(frozen=True, slots=True)
class AlertCase:
    """When an alert fires and when it does not."""

    alert: str
    fires: Series
    at: str
    """When the series that make it fire have made it fire."""
    labels: dict[str, str]
    """Of the alert then, without its severity."""
    quiet: tuple[Series, ...]
    """At the same time none of these makes it fire."""


_LOOK = 'penstock_last_look_timestamp_seconds{organization="acme",instance="a"}'
_FAULT = 'penstock_revision_fault{instance="a",repository="voice"}'
_INTERVAL = 'penstock_drift_interval_seconds{instance="a"}'
_ACME = {"organization": "acme"}


def _gauge(metric: str, wait: str, short: str) -> AlertCase:
    """The alert on a gauge of an organisation that is not 0 for a time; `metric` begins with the alert's name."""
    alert, _, name = metric.partition(" ")
    series = (
        f'{name},organization="acme",instance="a"}}' if "{" in name else f'{name}{{organization="acme",instance="a"}}'
    )
    return AlertCase(alert, {series: "1x400"}, wait, _ACME, ({series: "0x400"}, {series: short}))


def _rate(alert: str, series: str, values: str, labels: dict[str, str], quiet: Series) -> AlertCase:
    return AlertCase(alert, {series: values}, "20m", labels, (quiet,))


CASES = (
    AlertCase(
        "PenstockDown", {"penstock_build_info": "1x5 _x30"}, "20m", {}, ({'penstock_build_info{version="1"}': "1x40"},)
    ),
    AlertCase(
        "PenstockReplicaDown",
        {'up{job="penstock",instance="a"}': "0x30"},
        "15m",
        {"job": "penstock", "instance": "a"},
        ({'up{job="penstock",instance="a"}': "1x30"}, {'up{job="other",instance="a"}': "0x30"}),
    ),
    AlertCase(
        "PenstockOrganizationUnassigned",
        {
            'penstock_unassigned_organizations{instance="a"}': "0x30",
            'penstock_unassigned_organizations{instance="b"}': "2x30",
        },
        "10m",
        {},
        (
            {'penstock_unassigned_organizations{instance="a"}': "0x30"},
            {'penstock_unassigned_organizations{instance="a"}': "2x1 0x28"},
        ),
    ),
    AlertCase(
        "PenstockNotReady",
        {'penstock_ready{instance="a"}': "0x30"},
        "20m",
        {"instance": "a"},
        (
            {'penstock_ready{instance="a"}': "0x30", 'penstock_health{health="Progressing",instance="a"}': "1x30"},
            {'penstock_ready{instance="a"}': "1x30"},
            {'penstock_ready{instance="a"}': "0x10 1x20"},
        ),
    ),
    AlertCase(
        "PenstockRevisionUnreadable",
        {_FAULT: "1x30", 'penstock_revision_fault{instance="a",repository="digital"}': "0x30"},
        "15m",
        {"repository": "voice"},
        ({_FAULT: "0x30"}, {_FAULT: "0x10 1x20"}),
    ),
    AlertCase(
        "PenstockOrganizationNotLookedAt",
        {_LOOK: "0x60", _INTERVAL: "300x60"},
        "30m",
        _ACME,
        (
            {_LOOK: "0+60x60", _INTERVAL: "300x60"},
            # Another replica looks at it.
            {_LOOK: "0x60", _LOOK.replace('"a"', '"b"'): "0+60x60", _INTERVAL: "300x60"},
            # A delivery runs, and looks at its end.
            {_LOOK: "0x60", _INTERVAL: "300x60", 'penstock_health{organization="acme",health="Progressing"}': "1x60"},
            {_LOOK: "0x60", _INTERVAL: "3600x60"},
        ),
    ),
    _gauge("PenstockPassesFailing penstock_last_pass_failed", "20m", "0x10 1x30"),
    _rate(
        "PenstockDeliveryFailed",
        'penstock_syncs_total{organization="acme",outcome="rolled-back"}',
        "0x15 1x15",
        {"organization": "acme", "outcome": "rolled-back"},
        {'penstock_syncs_total{organization="acme",outcome="succeeded"}': "0x15 1x15"},
    ),
    _rate(
        "PenstockRollbackFailed",
        'penstock_syncs_total{organization="acme",outcome="rollback-failed"}',
        "0x15 1x15",
        _ACME,
        {'penstock_syncs_total{organization="acme",outcome="rolled-back"}': "0x15 1x15"},
    ),
    _gauge('PenstockFlowDegraded penstock_health{health="Degraded"', "10m", "0x8 1x30"),
    _gauge("PenstockDeliveryPaused penstock_delivery_paused", "70m", "0x30 1x90"),
    _gauge("PenstockApprovalWaiting penstock_approval_waiting", "5h", "0x200 1x200"),
    _gauge("PenstockChangesBlocked penstock_blocked_changes", "70m", "0x30 1x90"),
    _gauge("PenstockDriftLasts penstock_drift", "70m", "0x30 1x90"),
    _gauge("PenstockCallsWait penstock_api_calls_waiting", "40m", "1x25 0x2 1x20"),
    _rate(
        "PenstockRateLimited",
        'penstock_api_requests_total{organization="acme",answer="429"}',
        "0+1x30",
        _ACME,
        {'penstock_api_requests_total{organization="acme",answer="429"}': "0x10 1x20"},
    ),
    AlertCase(
        "PenstockApiFailing",
        {
            'penstock_api_requests_total{organization="acme",answer="2xx"}': "0+60x60",
            'penstock_api_requests_total{organization="acme",answer="5xx"}': "0+20x60",
        },
        "30m",
        _ACME,
        (
            {
                'penstock_api_requests_total{organization="acme",answer="2xx"}': "0+60x60",
                'penstock_api_requests_total{organization="acme",answer="none"}': "0+2x60",
                'penstock_api_requests_total{organization="acme",answer="4xx"}': "0+30x60",
            },
        ),
    ),
    AlertCase(
        "PenstockStoreFailing",
        {'penstock_store_failures_total{kind="write"}': "0+1x60"},
        "20m",
        {},
        (
            {'penstock_store_failures_total{kind="write"}': "0x60"},
            {'penstock_store_failures_total{kind="write"}': "0x17 1x20"},
        ),
    ),
    AlertCase(
        "PenstockStoreSlow",
        {
            'penstock_store_transaction_seconds_bucket{kind="write",le="1"}': "0+5x60",
            'penstock_store_transaction_seconds_bucket{kind="write",le="5"}': "0+10x60",
            'penstock_store_transaction_seconds_bucket{kind="write",le="+Inf"}': "0+10x60",
        },
        "40m",
        {"kind": "write"},
        (
            {
                'penstock_store_transaction_seconds_bucket{kind="write",le="1"}': "0+10x60",
                'penstock_store_transaction_seconds_bucket{kind="write",le="5"}': "0+10x60",
                'penstock_store_transaction_seconds_bucket{kind="write",le="+Inf"}': "0+10x60",
            },
        ),
    ),
    AlertCase(
        "PenstockPagesSlow",
        {
            'penstock_http_answer_seconds_bucket{area="pages",status="2xx",le="2.5"}': "0+5x60",
            'penstock_http_answer_seconds_bucket{area="pages",status="2xx",le="5"}': "0+10x60",
            'penstock_http_answer_seconds_bucket{area="pages",status="2xx",le="+Inf"}': "0+10x60",
        },
        "40m",
        {"area": "pages"},
        (
            {
                'penstock_http_answer_seconds_bucket{area="probes",status="2xx",le="2.5"}': "0+5x60",
                'penstock_http_answer_seconds_bucket{area="probes",status="2xx",le="5"}': "0+10x60",
                'penstock_http_answer_seconds_bucket{area="probes",status="2xx",le="+Inf"}': "0+10x60",
            },
        ),
    ),
    _rate(
        "PenstockWebhooksForged",
        'penstock_incoming_webhooks_total{forge="github",result="forged"}',
        "0x10 5x20",
        {"forge": "github"},
        {'penstock_incoming_webhooks_total{forge="github",result="forged"}': "0x10 2x20"},
    ),
    AlertCase(
        "PenstockMessagesFailing",
        {'penstock_outgoing_messages_failing{receiver="change-management"}': "1x60"},
        "40m",
        {"receiver": "change-management"},
        ({'penstock_outgoing_messages_failing{receiver="change-management"}': "1x20 0x2 1x20"},),
    ),
    _gauge("PenstockAuditLogBroken penstock_audit_findings", "10m", "0x20 1x20"),
)
