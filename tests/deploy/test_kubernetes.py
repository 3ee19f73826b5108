"""The manifests for Kubernetes build, and what they run is confined."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from controller.reconcile.configuration.document import read_configuration
from controller.reconcile.configuration.repositories import repository_settings
from controller.reconcile.settings import Settings, load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPONENTS = sorted(path.parent.name for path in KUBERNETES.glob("components/*/kustomization.yaml"))
EXAMPLES = sorted(path.parent.name for path in KUBERNETES.glob("examples/*/kustomization.yaml"))
BUILDS = ("base", *(f"examples/{name}" for name in EXAMPLES), *(f"components/{name}" for name in COMPONENTS))
STATE = "/var/lib/penstock"
RELEASES = ("1.31", "1.37")
"""The oldest and the newest release of Kubernetes that the manifests are compared with."""

Documents = dict[str, dict[str, Any]]


def kustomized(folder: Path) -> list[dict[str, Any]]:
    """What kustomize makes of a folder; without kubectl the test is skipped."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([kubectl, "kustomize", folder], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


@pytest.fixture(scope="module", params=BUILDS)
def documents(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All that kustomize makes; a component is added to the base."""
    if not request.param.startswith("components/"):
        return kustomized(KUBERNETES / request.param)
    return with_component(request.param, tmp_path_factory.mktemp("kubernetes"))


def with_component(path: str, folder: Path) -> list[dict[str, Any]]:
    """What kustomize makes of the base and one component."""
    shutil.copytree(KUBERNETES, folder, dirs_exist_ok=True)
    (folder / "overlay").mkdir()
    made = {"resources": ["../base"], "components": [f"../{path}"], "namespace": "penstock"}
    (folder / "overlay/kustomization.yaml").write_text(yaml.safe_dump(made))
    return kustomized(folder / "overlay")


@pytest.fixture(scope="module")
def built(documents: list[dict[str, Any]]) -> Documents:
    """The documents by kind; ingresses, and configurations other than the settings, by name."""
    found = {}
    for document in documents:
        kind, name = document["kind"], document["metadata"]["name"]
        by_kind = kind != "Ingress" and not (kind == "ConfigMap" and not name.startswith("penstock-settings"))
        found[kind if by_kind else name] = document
    assert len(found) == len(documents)
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_takes_each_document(documents: list[dict[str, Any]], release: str) -> None:
    for document in documents:
        valid(json.dumps(document), release)


@cache
def valid(document: str, release: str) -> None:
    """Each document once: most are the same in every build, and their schemas are read each time."""
    kubernetes_validate.validate(json.loads(document), release, strict=True)


def test_the_schemas_of_kubernetes_refuse_what_is_wrong() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"port": 1}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, RELEASES[0], strict=True)


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
    assert settings["PENSTOCK_AUDIT_DIR"].startswith(f"{STATE}/")
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
        assert file_of(built, variables["PENSTOCK_STORE_FILE"]["value"]) == ("penstock-store", "url")
        assert replicas == 3
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        assert built["Deployment"]["spec"]["strategy"] == strategy
        assert built["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
        spread = pod(built)["topologySpreadConstraints"]
        keys = [each["topologyKey"] for each in spread]
        assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        labels = built["Deployment"]["spec"]["template"]["metadata"]["labels"]
        assert all(each["labelSelector"]["matchLabels"].items() <= labels.items() for each in spread)
        assert pod(built)["terminationGracePeriodSeconds"] == 60, "a stop parks what runs within that"
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
    assert built["ConfigMap"]["data"].get("PENSTOCK_PUBLIC_URL") in (None, f"https://{rule['host']}")


def test_secrets_are_files_that_the_pods_group_reads_and_never_variables(built: Documents) -> None:
    given = container(built).get("env", [])
    assert all(set(each) == {"name", "value"} for each in given)
    assert [set(each) for each in container(built)["envFrom"]] == [{"configMapRef"}]
    named = {**built["ConfigMap"]["data"], **{each["name"]: each["value"] for each in given}}
    secret = {name for name in named if re.search("TOKEN|SECRET|KEY|PASSWORD", name)}
    assert all(named[name].startswith("/etc/penstock/") for name in secret)
    for volume in pod(built)["volumes"]:
        if "secret" in volume:
            assert volume["secret"]["defaultMode"] == 0o440
    mounts = [each for each in container(built)["volumeMounts"] if each["mountPath"].startswith(("/etc", "/run"))]
    assert all(each["readOnly"] for each in mounts)


def test_manifests_may_name_the_organisations_credentials_and_no_secret_of_the_controller(built: Documents) -> None:
    folder = built["ConfigMap"]["data"]["PENSTOCK_CREDENTIAL_FOLDERS"]
    below = [each["name"] for each in container(built)["volumeMounts"] if each["mountPath"].startswith(folder)]

    assert below == ["credentials"]


@pytest.mark.parametrize(
    ("component", "files"),
    [
        (
            "access",
            {
                "PENSTOCK_TOKENS_FILE": ("penstock-access", "tokens.yaml"),
                "PENSTOCK_SESSION_KEY_FILE": ("penstock-access", "session-key"),
                "PENSTOCK_OIDC_CLIENT_SECRET_FILE": ("penstock-access", "oidc-client-secret"),
            },
        ),
        ("commit-signers", {"PENSTOCK_COMMIT_SIGNERS": ("penstock-commit-signers", "allowed_signers")}),
        ("forge", {"PENSTOCK_FORGE_TOKEN_FILE": ("penstock-forge", "token")}),
        ("configuration", {"PENSTOCK_CONFIG": ("penstock-configuration", "penstock.yaml")}),
        ("git-https", {"PENSTOCK_GIT_TOKEN_FILE": ("penstock-git", "token")}),
        (
            "git-ssh",
            {
                "PENSTOCK_GIT_SSH_KEY": ("penstock-git-ssh", "key"),
                "PENSTOCK_GIT_KNOWN_HOSTS": ("penstock-git-ssh", "known_hosts"),
            },
        ),
        ("replicas", {"PENSTOCK_STORE_FILE": ("penstock-store", "url")}),
        ("webhooks", {"PENSTOCK_INCOMING_WEBHOOK_SECRET_FILE": ("penstock-webhooks", "secret")}),
    ],
)
def test_a_component_mounts_the_files_that_its_settings_name(
    request: pytest.FixtureRequest, component: str, files: dict[str, tuple[str, str]]
) -> None:
    [patch] = [
        each
        for path in KUBERNETES.glob(f"components/{component}/*.yaml")
        for each in [yaml.safe_load(path.read_text())]
        if isinstance(each, dict) and each["kind"] == "Deployment"
    ]
    variables = {each["name"]: each["value"] for each in container({"Deployment": patch})["env"]}

    assert {name: file_of({"Deployment": patch}, value) for name, value in variables.items()} == files


def test_the_example_of_several_repositories_is_read_and_names_files_that_are_mounted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = KUBERNETES / "examples/repositories"
    built = {
        each["kind"]: each
        for each in kustomized(folder)
        if "settings" in each["metadata"]["name"] or "Deploy" in each["kind"]
    }
    for name, value in built["ConfigMap"]["data"].items():
        monkeypatch.setenv(name, value)
    settings = repository_settings(load_settings(service=True), read_configuration(folder / "penstock.yaml"))
    files = [file for each in settings.values() for file in (each.git_token_file, each.forge_token_file) if file]

    assert sorted(settings) == ["digital", "voice"]
    assert len(files) == 3
    assert {file_of(built, str(file))[0] for file in files} == {"penstock-configuration"}


def test_each_component_is_compared_with_its_files() -> None:
    [mark] = [m for m in test_a_component_mounts_the_files_that_its_settings_name.pytestmark if m.name == "parametrize"]

    assert sorted(component for component, _ in mark.args[1]) == [name for name in COMPONENTS if name != "mail"]


def test_the_settings_of_the_example_are_ones_that_the_service_takes(
    built: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in built["ConfigMap"]["data"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings(service=True)

    assert settings.public_url is None or (settings.oidc_issuer and settings.oidc_client_id)


def file_of(built: Documents, path: str) -> tuple[str, str]:
    """The Secret or ConfigMap that a file comes from, and its key there."""
    folder, _, name = path.rpartition("/")
    [mount] = [each["name"] for each in container(built)["volumeMounts"] if each["mountPath"] == folder]
    [volume] = [each for each in pod(built)["volumes"] if each["name"] == mount]
    return volume["secret"]["secretName"] if "secret" in volume else volume["configMap"]["name"], name


def goes_out(built: Documents, address: str, port: int) -> bool:
    """Whether the network policy lets the pod open a TCP connection to an address outside the cluster."""
    target = ip_address(address)
    for rule in built["NetworkPolicy"]["spec"]["egress"]:
        ports = {each["port"] for each in rule["ports"] if each["protocol"] == "TCP"}
        blocks = [peer["ipBlock"] for peer in rule.get("to", []) if "ipBlock" in peer]
        matches = "to" not in rule or any(
            target in ip_network(block["cidr"])
            and not any(target in ip_network(out) for out in block.get("except", []))
            for block in blocks
        )
        if matches and port in ports:
            return True
    return False


def test_the_pod_reaches_public_addresses_over_https_only_and_no_private_ones(built: Documents) -> None:
    assert goes_out(built, "3.120.0.1", 443)
    assert goes_out(built, "2600:1f14::1", 443)
    inside = ["169.254.169.254", "10.96.0.1", "172.20.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1"]
    inside += ["fd00:ec2::254", "fe80::1", "::1", "::ffff:10.96.0.1"]
    assert [address for address in inside if goes_out(built, address, 443)] == []
    assert [port for port in (25, 80, 6443, 8080, 10250) if goes_out(built, "3.120.0.1", port)] == []
    assert built["NetworkPolicy"]["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_ports_of_git_and_of_the_database_are_open_where_they_are_used(built: Documents) -> None:
    used = {each["name"] for each in container(built).get("env", [])}

    assert goes_out(built, "3.120.0.1", 22) is ("PENSTOCK_GIT_SSH_KEY" in used)
    assert goes_out(built, "10.0.0.5", 5432) is ("PENSTOCK_STORE_FILE" in used)


def test_mail_goes_out_encrypted_with_its_component(tmp_path: Path) -> None:
    built = {each["kind"]: each for each in with_component("components/mail", tmp_path)}

    assert [port for port in (25, 465, 587, 2525) if goes_out(built, "3.120.0.1", port)] == [465, 587]
    assert not goes_out(built, "169.254.169.254", 587)


def test_the_example_reaches_its_own_git_server() -> None:
    built = {each["kind"]: each for each in kustomized(KUBERNETES / "examples/production")}

    assert goes_out(built, "192.0.2.3", 22)
    assert not goes_out(built, "192.0.2.3", 8443)


def test_prometheus_and_the_ingress_controller_get_in_and_nothing_else(built: Documents) -> None:
    rules = built["NetworkPolicy"]["spec"]["ingress"]
    sources = [
        (peer["namespaceSelector"]["matchLabels"], peer["podSelector"]["matchLabels"])
        for rule in rules
        for peer in rule["from"]
    ]
    prometheus = ({"kubernetes.io/metadata.name": "monitoring"}, {"app.kubernetes.io/name": "prometheus"})
    way_in = ({"kubernetes.io/metadata.name": "ingress-nginx"}, {"app.kubernetes.io/name": "ingress-nginx"})
    has_ingress = any(document["kind"] == "Ingress" for document in built.values())

    assert sources[0] == prometheus
    assert [each for each in sources if each not in (prometheus, way_in)] == []
    assert (way_in in sources) is has_ingress
    assert all(rule["ports"] == [{"protocol": "TCP", "port": 8081}] for rule in rules)


def test_names_are_asked_of_the_clusters_own_servers(built: Documents) -> None:
    [rule] = [
        each for each in built["NetworkPolicy"]["spec"]["egress"] if {"protocol": "UDP", "port": 53} in each["ports"]
    ]

    assert rule["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    assert [peer["ipBlock"]["cidr"] for peer in rule["to"][1:]] == ["169.254.20.10/32"]


def test_no_image_is_deployed_before_one_is_named_by_digest(built: Documents) -> None:
    """No runtime takes a digest that is none, so a forgotten step is an `InvalidImageName`."""
    assert container(built)["image"].endswith("penstock@sha256:unset")


@pytest.mark.parametrize("name", ["registry.example.com/penstock", "registry.example.com:5000/penstock:0.2.0"])
def test_a_command_sets_the_image_by_digest(tmp_path: Path, name: str) -> None:
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    digest = "sha256:" + "0123456789abcdef" * 4
    done = use_image(tmp_path / "kubernetes/examples/production", f"{name}@{digest}")
    built = {each["kind"]: each for each in kustomized(tmp_path / "kubernetes/examples/production")}

    assert done.returncode == 0, done.stderr
    assert container(built)["image"] == f"{name.removesuffix(':0.2.0')}@{digest}"
    assert not list((tmp_path / "kubernetes/examples/production").glob("*.before"))


@pytest.mark.parametrize(
    "image", ["penstock", "a/penstock:0.2.0", "a/penstock@sha256:12", "a/b@sha256:" + "g" * 64, "|&"]
)
def test_an_image_without_a_digest_is_refused(tmp_path: Path, image: str) -> None:
    shutil.copytree(KUBERNETES / "examples/production", tmp_path / "mine")
    before = (tmp_path / "mine/kustomization.yaml").read_text()
    done = use_image(tmp_path / "mine", image)

    assert done.returncode == 1
    assert f"{image} names no image by digest" in done.stderr
    assert (tmp_path / "mine/kustomization.yaml").read_text() == before


def test_a_folder_without_a_place_for_the_image_is_refused(tmp_path: Path) -> None:
    shutil.copytree(KUBERNETES / "base", tmp_path / "mine")
    done = use_image(tmp_path / "mine", "a/penstock@sha256:" + "0" * 64)

    assert done.returncode == 1
    assert "has no image with newName and digest" in done.stderr


def use_image(folder: Path, image: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KUBERNETES / "use-image", folder, image], check=False, capture_output=True, text=True, timeout=60
    )


def settings_named() -> Iterator[str]:
    for path in KUBERNETES.rglob("*"):
        if path.suffix in (".env", ".yaml"):
            yield from re.findall(r"\bPENSTOCK_[A-Z_]+", path.read_text())
    for word in (DEPLOY / "Containerfile").read_text().replace("=", " ").split():
        if word.startswith("PENSTOCK_"):
            yield word


def test_every_setting_that_is_named_exists() -> None:
    known = {f"PENSTOCK_{name.upper()}" for name in Settings.model_fields}
    assert set(settings_named()) <= known


def test_the_image_has_the_programs_that_are_documented() -> None:
    page = (DEPLOY.parent / "docs/reference/dependencies.md").read_text()
    programs = re.findall(r"^\| ([a-z-]+)", page.split("## Programs\n")[1].split("\n## ")[0], re.MULTILINE)
    packages = {
        "git": "git",
        "ssh": "openssh-client",
        "ssh-keygen": "openssh-client",
        "gpg": "gnupg",
        "dot": "graphviz",
    }
    installed = (DEPLOY / "Containerfile").read_text().partition("apt-get install ")[2].splitlines()[0].split()

    assert {packages[each] for each in programs if each != "program"} <= set(installed)


def test_the_image_runs_as_nobody_special_and_starts_the_service() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    assert 'ENTRYPOINT ["penstock"]' in lines
    assert 'CMD ["run"]' in lines
    assert "USER 10001:10001" in lines
