"""The manifests for Kubernetes build, and what they run is confined."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.reconcile.settings import Settings, load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
BUILDS = ("base", "examples/production")
STATE = "/var/lib/penstock"

Documents = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=BUILDS)
def built(request: pytest.FixtureRequest) -> Documents:
    """The documents that kustomize makes, by kind."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    text = subprocess.run(
        [kubectl, "kustomize", DEPLOY / "kubernetes" / request.param], check=True, capture_output=True, text=True
    ).stdout
    documents = list(yaml.safe_load_all(text))
    found = {document["kind"]: document for document in documents if document["kind"] != "Ingress"}
    ways_in = {document["metadata"]["name"]: document for document in documents if document["kind"] == "Ingress"}
    assert len(found) + len(ways_in) == len(documents)
    return found | ways_in


def pod(built: Documents) -> dict[str, Any]:
    return built["Deployment"]["spec"]["template"]["spec"]


def container(built: Documents) -> dict[str, Any]:
    [only] = pod(built)["containers"]
    return only


def test_everything_but_the_namespace_stands_in_the_namespace(built: Documents) -> None:
    assert built["Namespace"]["metadata"]["name"] == "penstock"
    assert {doc["metadata"].get("namespace") for kind, doc in built.items() if kind != "Namespace"} == {"penstock"}


def test_the_pod_meets_the_restricted_standard(built: Documents) -> None:
    assert built["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    security = pod(built)["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 10001)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(built)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_no_token_of_the_cluster_and_no_service_variables_reach_the_pod(built: Documents) -> None:
    assert pod(built)["automountServiceAccountToken"] is False
    assert pod(built)["enableServiceLinks"] is False
    assert built["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod(built)["serviceAccountName"] == built["ServiceAccount"]["metadata"]["name"]


def test_all_that_is_written_stands_on_volumes(built: Documents) -> None:
    mounts = {mount["mountPath"] for mount in container(built)["volumeMounts"]}
    assert {STATE, "/tmp"} <= mounts
    settings = built["ConfigMap"]["data"]
    assert settings["PENSTOCK_WORK_DIR"].startswith(f"{STATE}/")
    assert settings["PENSTOCK_STORE"] == f"sqlite:///{STATE}/penstock.db"
    for volume in pod(built)["volumes"]:
        assert len(volume) == 2, f"{volume['name']} has one source"
    names = {volume["name"] for volume in pod(built)["volumes"]}
    assert names == {mount["name"] for mount in container(built)["volumeMounts"]}


def test_probes_service_and_annotations_agree_on_the_port(built: Documents) -> None:
    [port] = container(built)["ports"]
    assert built["ConfigMap"]["data"]["PENSTOCK_HTTP_ADDRESS"] == f"0.0.0.0:{port['containerPort']}"
    paths = {kind: container(built)[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {
        "startupProbe": {"path": "/healthz", "port": port["name"]},
        "livenessProbe": {"path": "/healthz", "port": port["name"]},
        "readinessProbe": {"path": "/readyz", "port": port["name"]},
    }
    assert built["Service"]["spec"]["ports"] == [{"name": "http", "port": 8081, "targetPort": port["name"]}]
    annotations = built["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])


def test_selectors_find_the_pods(built: Documents) -> None:
    labels = built["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        built["Deployment"]["spec"]["selector"]["matchLabels"],
        built["Service"]["spec"]["selector"],
        built["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        built["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()


def test_several_replicas_share_a_database_and_one_does_not_need_it(built: Documents) -> None:
    replicas = built["Deployment"]["spec"]["replicas"]
    variables = {variable["name"]: variable for variable in container(built).get("env", [])}
    if replicas > 1:
        assert variables["PENSTOCK_STORE"]["valueFrom"]["secretKeyRef"]["name"] == "penstock-store"
        assert built["Deployment"]["spec"]["strategy"]["type"] == "RollingUpdate"
        assert "PersistentVolumeClaim" not in built
    else:
        assert built["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
        assert built["PersistentVolumeClaim"]["metadata"]["name"] == "penstock-state"


def test_the_forge_reaches_the_webhooks_and_nothing_else(built: Documents) -> None:
    if "penstock-webhooks" not in built:
        return
    [rule] = built["penstock-webhooks"]["spec"]["rules"]
    [path] = rule["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/webhooks/", "Prefix")
    assert path["backend"]["service"]["name"] == built["Service"]["metadata"]["name"]
    assert built["penstock-webhooks"]["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert file_of(built, "PENSTOCK_INCOMING_WEBHOOK_SECRET_FILE") == ("webhooks", "secret")
    sources = [peer for rule in built["NetworkPolicy"]["spec"]["ingress"] for peer in rule["from"]]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}} in sources


def test_people_reach_the_page_over_tls_and_neither_metrics_nor_probes(built: Documents) -> None:
    if "penstock-access" not in built:
        return
    [rule] = built["penstock-access"]["spec"]["rules"]
    paths = rule["http"]["paths"]
    assert {path["backend"]["service"]["name"] for path in paths} == {built["Service"]["metadata"]["name"]}
    assert ("/", "Exact") in [(path["path"], path["pathType"]) for path in paths]
    for inside in ("/metrics", "/healthz", "/readyz", "/status"):
        assert not [path for path in paths if path["pathType"] == "Prefix" and inside.startswith(path["path"])]
    assert built["penstock-access"]["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert built["ConfigMap"]["data"]["PENSTOCK_PUBLIC_URL"] == f"https://{rule['host']}"


def test_secrets_of_access_are_files_and_not_variables(built: Documents) -> None:
    if "penstock-access" not in built:
        return
    assert file_of(built, "PENSTOCK_TOKENS_FILE") == ("access", "tokens.yaml")
    assert file_of(built, "PENSTOCK_SESSION_KEY_FILE") == ("access", "session-key")
    assert file_of(built, "PENSTOCK_OIDC_CLIENT_SECRET_FILE") == ("access", "oidc-client-secret")
    [volume] = [volume for volume in pod(built)["volumes"] if volume["name"] == "access"]
    assert volume["secret"] == {"secretName": "penstock-access", "defaultMode": 0o440}


def test_the_settings_of_the_example_are_ones_that_the_service_takes(
    built: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in built["ConfigMap"]["data"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings(service=True)

    assert settings.public_url is None or (settings.oidc_issuer and settings.oidc_client_id)


def file_of(built: Documents, variable: str) -> tuple[str, str]:
    """The volume and the name of the file that a variable leads to."""
    [given] = [each["value"] for each in container(built)["env"] if each["name"] == variable]
    folder, _, name = given.rpartition("/")
    [mount] = [each["name"] for each in container(built)["volumeMounts"] if each["mountPath"] == folder]
    return mount, name


def test_the_network_policy_leaves_out_the_clouds_metadata(built: Documents) -> None:
    spec = built["NetworkPolicy"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    blocks = [peer["ipBlock"] for rule in spec["egress"] for peer in rule.get("to", []) if "ipBlock" in peer]
    everywhere = [block for block in blocks if block["cidr"].endswith("/0")]
    assert len(everywhere) == 2
    assert all(block["except"] for block in everywhere)


def settings_named() -> Iterator[str]:
    for line in (DEPLOY / "kubernetes/base/settings.env").read_text().splitlines():
        yield line.partition("=")[0]
    for word in (DEPLOY / "Containerfile").read_text().replace("=", " ").split():
        if word.startswith("PENSTOCK_"):
            yield word
    yield from ("PENSTOCK_GIT_SSH_KEY", "PENSTOCK_GIT_KNOWN_HOSTS", "PENSTOCK_GIT_TOKEN")


def test_every_setting_that_is_named_exists() -> None:
    known = {f"PENSTOCK_{name.upper()}" for name in Settings.model_fields}
    assert set(settings_named()) <= known


def test_the_component_for_signers_mounts_the_file_that_it_names_and_the_image_can_check_it() -> None:
    mount = yaml.safe_load((DEPLOY / "kubernetes/components/commit-signers/mount.yaml").read_text())
    spec = mount["spec"]["template"]["spec"]
    [container], [volume] = spec["containers"], spec["volumes"]
    [variable], [mounted] = container["env"], container["volumeMounts"]

    assert variable["value"] == f"{mounted['mountPath']}/allowed_signers"
    assert variable["name"] in {f"PENSTOCK_{name.upper()}" for name in Settings.model_fields}
    assert mounted["name"] == volume["name"]
    installed = (DEPLOY / "Containerfile").read_text().partition("apt-get install ")[2].splitlines()[0].split()
    assert {"git", "gnupg", "openssh-client"} <= set(installed)


def test_the_image_runs_as_nobody_special_and_starts_the_service() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    assert 'ENTRYPOINT ["penstock"]' in lines
    assert 'CMD ["run"]' in lines
    assert "USER 10001:10001" in lines
