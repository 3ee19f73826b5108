"""deploy/compose names only what there is, confines each service, and holds no secret."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from sqlalchemy import make_url

from controller import __version__
from controller.reconcile.settings import Settings
from controller.service.access.tokens import hash_of, read_tokens
from tests.deploy.schemas import checked
from tests.docs.test_documented_commands import commands_of
from tests.support.compose import COMPOSE, FOLDER, ROOT, SERVICES, prepared, secrets, volumes
from tests.support.metrics import checked_by_promtool

PAGE = ROOT / "docs" / "how-to" / "run-with-compose.md"
SPECIFICATION = "vendor.compose-spec"
PROVISIONING = FOLDER / "grafana" / "provisioning"


def environment(service: str) -> dict[str, str]:
    return dict(SERVICES[service].get("environment", {}))


def test_the_file_is_valid_by_the_compose_specification() -> None:
    done = checked(SPECIFICATION, FOLDER / "compose.yaml")

    assert done.exit_code == 0, done.output


def test_the_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a: {image: b, port: 1}}\n")

    assert checked(SPECIFICATION, tmp_path / "compose.yaml").exit_code == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_confined(service: str) -> None:
    given = SERVICES[service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert not given["user"].startswith(("0", "root"))
    assert "/tmp" in given["tmpfs"]
    assert given["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in given.get("ports", ()))
    assert not {"privileged", "network_mode", "cap_add", "devices"} & given.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_a_version(service: str) -> None:
    name, _, version = SERVICES[service]["image"].rpartition(":")

    assert name.count("/") >= 1
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?", version)
    if "penstock" in name:
        assert version == __version__
        assert SERVICES[service]["pull_policy"] == "never", "the operator built it"


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_there(service: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    tracked = set(
        subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    )

    for mount in volumes(service):
        if mount.named:
            assert mount.source in COMPOSE["volumes"]
            continue
        assert not mount.writable
        assert (folder / mount.source).exists(), mount
        path = str((FOLDER / mount.source).resolve().relative_to(ROOT))
        made = path.startswith("deploy/compose/local/")
        assert made or any(each == path or each.startswith(f"{path}/") for each in tracked), mount
    for secret in secrets(service):
        assert (folder / secret.source).read_text().strip()


def test_volumes_and_secrets_that_are_defined_are_used() -> None:
    assert set(COMPOSE["volumes"]) == {mount.source for name in SERVICES for mount in volumes(name) if mount.named}
    assert {each["file"] for each in COMPOSE["secrets"].values()} == {
        secret.source for name in SERVICES for secret in secrets(name)
    }


@pytest.mark.parametrize("service", SERVICES)
def test_secrets_are_files(service: str) -> None:
    mounted = {secret.target for secret in secrets(service)}
    for name, value in environment(service).items():
        if re.search("PASSWORD|SECRET|TOKEN|KEY|STORE", name):
            assert name.endswith("_FILE")
            assert value in mounted


def test_variables_of_the_controller_are_settings_that_exist() -> None:
    known = {f"PENSTOCK_{name.upper()}" for name in Settings.model_fields}
    given = {
        name: value for service in SERVICES for name, value in environment(service).items() if name[:9] == "PENSTOCK_"
    }

    assert given
    assert given.keys() <= known


def test_manifests_may_name_the_organisations_credentials_and_no_other_secret() -> None:
    folder = environment("controller")["PENSTOCK_CREDENTIAL_FOLDERS"]
    named = re.findall(r"\{file: (\S+)\}", (FOLDER / "organization.yaml").read_text())
    below = {secret.target for secret in secrets("controller") if secret.target.startswith(f"{folder}/")}

    assert set(named) == below
    assert {Path(path).name for path in below} == {"genesys-id", "genesys-secret"}


def test_services_that_are_named_exist_and_listen_there() -> None:
    listens = {"simulator": 8080, "controller": 8081, "database": 5432, "prometheus": 9090, "grafana": 3000}
    texts = [json.dumps(SERVICES), *(path.read_text() for path in FOLDER.rglob("*.yaml") if "local" not in path.parts)]
    named = {found for text in texts for found in re.findall(r"\b([a-z]+):(\d{4})\b", text)} - {("localhost", "3000")}

    assert set(listens) == set(SERVICES)
    assert {(host, int(port)) for host, port in named} <= set(listens.items())
    for service in SERVICES:
        for port in SERVICES[service].get("ports", ()):
            assert port == f"127.0.0.1:{listens[service]}:{listens[service]}"
        assert set(SERVICES[service].get("depends_on", {})) <= set(SERVICES)


def test_the_organisation_is_that_of_the_demonstration() -> None:
    mine = yaml.safe_load((FOLDER / "organization.yaml").read_text())
    demo = yaml.safe_load((ROOT / "manifests/organization.yaml").read_text())
    own = {"apiUrl", "loginUrl", "credentials"}

    assert mine["metadata"] == demo["metadata"]
    assert {key: mine["spec"][key] for key in mine["spec"].keys() - own} == {
        key: demo["spec"][key] for key in demo["spec"].keys() - own
    }
    assert environment("controller")["PENSTOCK_ORGANIZATION_HOSTS"] == mine["spec"]["apiUrl"]


def test_the_command_makes_secrets_of_its_own_and_keeps_them(tmp_path: Path) -> None:
    one, other = prepared(tmp_path / "one") / "local", prepared(tmp_path / "other") / "local"
    before = {path.name: path.read_text() for path in one.iterdir()}
    subprocess.run([one.parent / "prepare"], check=True, timeout=60)
    fixed = {"alerts.yaml", "genesys-id", "genesys-secret"}

    assert {path.name: path.read_text() for path in one.iterdir()} == before
    assert {name for name, text in before.items() if (other / name).read_text() == text} == fixed
    assert one.stat().st_mode & 0o077 == 0, "only its owner gets to the files"
    assert all(path.stat().st_mode & 0o004 for path in one.iterdir()), "containers have users of their own"
    ignored = subprocess.run(["git", "check-ignore", "deploy/compose/local/token"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def test_the_secrets_fit_together(tmp_path: Path) -> None:
    local = prepared(tmp_path) / "local"
    url = make_url((local / "store-url").read_text().strip())
    database = environment("database")

    assert (url.username, url.database) == (database["POSTGRES_USER"], database["POSTGRES_DB"])
    assert url.host == "database"
    assert url.password == (local / "database-password").read_text().strip()
    assert len(url.password or "") == 64
    assert len((local / "session-key").read_text().strip()) >= 32
    [entry] = read_tokens(local / "tokens.yaml")
    assert entry.hash == hash_of((local / "token").read_text().strip())
    assert entry.expires is not None
    assert entry.expires > datetime.now(UTC)


def test_the_alerts_are_those_of_the_cluster(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    rules = yaml.safe_load((ROOT / "deploy/monitoring/prometheusrule.yaml").read_text())["spec"]

    assert yaml.safe_load((folder / "local/alerts.yaml").read_text()) == rules


def test_promtool_finds_no_mistake_in_the_configuration_of_prometheus(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    (folder / "local/alerts.yaml").rename(folder / "alerts.yaml")

    checked_by_promtool("check", "config", str(folder / "prometheus.yaml"))
    config = yaml.safe_load((folder / "prometheus.yaml").read_text())
    mounts = {mount.target for mount in volumes("prometheus")}
    assert {f"/etc/prometheus/{name}" for name in config["rule_files"]} <= mounts
    assert "--config.file=/etc/prometheus/prometheus.yaml" in SERVICES["prometheus"]["command"]
    assert [each["job_name"] for each in config["scrape_configs"]] == ["penstock"], "alerts name the job"


def test_grafana_is_given_what_there_is() -> None:
    [source] = yaml.safe_load((PROVISIONING / "datasources/prometheus.yaml").read_text())["datasources"]
    [provider] = yaml.safe_load((PROVISIONING / "dashboards/penstock.yaml").read_text())["providers"]
    mounts = {mount.target: mount.source for mount in volumes("grafana")}
    home = environment("grafana")["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    dashboard = json.loads((FOLDER / mounts[home]).resolve().read_text())
    [variable] = [each for each in dashboard["templating"]["list"] if each["type"] == "datasource"]

    assert (FOLDER / mounts["/etc/grafana/provisioning"]).resolve() == PROVISIONING.resolve()
    assert home.startswith(f"{provider['options']['path']}/")
    assert dashboard["title"] == "Penstock"
    assert source["type"] == variable["query"]
    assert source["isDefault"] is True, "the dashboard's variable begins with it"
    assert urlsplit(source["url"]).hostname in SERVICES


def test_the_documented_commands_but_those_of_compose_run(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    commands = commands_of(PAGE)
    own = [command for command in commands if not command.startswith("docker compose ")]
    done = subprocess.run(
        ["sh", "-c", "\n".join(["set -e", *own])], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )

    assert done.stdout == (folder / "local/token").read_text()
    for words in (command.split() for command in commands if command not in own):
        assert (ROOT / words[words.index("--file") + 1]) == FOLDER / "compose.yaml"
        assert words[words.index("--file") + 2] in ("up", "logs", "down")
        assert {word for word in words if word in SERVICES} <= {"controller"}


def test_the_page_names_the_addresses_that_are_published() -> None:
    named = set(re.findall(r"<http://127\.0\.0\.1:(\d+)", PAGE.read_text()))

    assert named == {port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", ())}
