"""Manifests name credentials; which names there are, and whose hosts get them, is for the operator to decide."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.clock import SystemClock
from controller.domain.desired import SecretSource
from controller.domain.errors.manifest import CredentialNotAllowed, ManifestInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.credentials import client_credentials
from controller.reconcile.secret_files import LARGEST_FILE
from controller.reconcile.settings import Settings, load_settings
from controller.reconcile.workspace import open_folder
from controller.service.feeds import FolderFeed
from tests.manifests.repository import load, organization, write
from tests.support.world import SECRET, World

LOCAL = organization(endpoint="apiUrl: http://127.0.0.1:9\n  loginUrl: http://127.0.0.1:9")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder outside /dev, below which no credential may be, and where other tests may keep their files."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir()
    return made


def secret_of(root: Path, source: str, settings: Settings) -> str:
    """The client secret that a manifest names so, read as an organisation's."""
    manifest = organization().replace("clientSecret: {env: SECRET}", f"clientSecret: {source}")
    manifest = manifest.replace("clientId: {env: ID}", "clientId: {env: GENESYS_ID}")
    (found,) = load(write(root, {"o.yaml": manifest})).organizations
    return client_credentials(found, settings)[1]


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_CREDENTIAL_VARIABLES")
    monkeypatch.setenv("GENESYS_ID", "client")
    monkeypatch.setenv("GENESYS_SECRET", "the-secret-of-production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-key-of-the-cloud")
    monkeypatch.setenv("PENSTOCK_GIT_TOKEN", "the-token-of-git")


def test_a_variable_is_read_where_a_pattern_of_the_operator_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secret_of(tmp_path, "{env: GENESYS_SECRET}", load_settings()) == "the-secret-of-production"
    with pytest.raises(CredentialNotAllowed, match=r"AWS_SECRET_ACCESS_KEY; the operator allows GENESYS_") as refused:
        secret_of(tmp_path, "{env: AWS_SECRET_ACCESS_KEY}", load_settings())
    assert "PENSTOCK_CREDENTIAL_VARIABLES" in str(refused.value.hint)
    monkeypatch.setenv("PENSTOCK_CREDENTIAL_VARIABLES", "GENESYS_*, AWS_*")
    assert secret_of(tmp_path, "{env: AWS_SECRET_ACCESS_KEY}", load_settings()) == "the-key-of-the-cloud"


def test_a_setting_of_penstock_is_never_a_credential(tmp_path: Path, world: World) -> None:
    """Whatever the patterns say; the manifest is mistaken already."""
    with pytest.raises(ManifestInvalid, match="must not be a setting of Penstock"):
        secret_of(tmp_path, "{env: PENSTOCK_GIT_TOKEN}", load_settings())
    described = open_folder(world.clone, world.settings).organization("acme")
    object.__setattr__(described.credentials, "client_secret", SecretSource(env="PENSTOCK_GIT_TOKEN"))
    object.__setattr__(described.credentials, "client_id", SecretSource(env="GENESYS_ID"))
    with pytest.raises(CredentialNotAllowed, match="PENSTOCK_GIT_TOKEN is a setting of Penstock"):
        client_credentials(described, Settings(credential_variables=("*",)))


def test_a_file_is_read_below_a_folder_of_the_operator_and_through_links_that_stay_there(
    folder: Path, tmp_path: Path
) -> None:
    """A Kubernetes secret is a link to a link to the file."""
    (folder / "..2026").mkdir()
    (folder / "..2026" / "genesys").write_text("from-the-mounted-secret\n")
    (folder / "..data").symlink_to("..2026")
    (folder / "genesys").symlink_to("..data/genesys")
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    for listed, named in ((folder, folder), (linked, linked)):
        settings = Settings(credential_folders=(listed,))
        assert secret_of(tmp_path / "m", f"{{file: {named}/genesys}}", settings) == "from-the-mounted-secret"


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("/proc/self/environ", "may not name the file /proc/self/environ"),
        ("/etc/hostname", "may not name the file /etc/hostname"),
        ("FOLDER/outside", "leads to .*, which manifests may not name"),
        ("FOLDER/environ", "leads to /proc/.*, which manifests may not name"),
        ("FOLDER/kubernetes.io/serviceaccount/token", "belongs to the pod's own service account"),
    ],
)
def test_any_other_file_is_refused_and_the_setting_named(folder: Path, tmp_path: Path, named: str, reason: str) -> None:
    (tmp_path / "outside").write_text("a-file-of-somebody-else")
    (folder / "outside").symlink_to(tmp_path / "outside")
    (folder / "environ").symlink_to("/proc/self/environ")
    with pytest.raises(CredentialNotAllowed, match=reason) as refused:
        secret_of(
            tmp_path / "m", f"{{file: {named.replace('FOLDER', str(folder))}}}", Settings(credential_folders=(folder,))
        )
    assert refused.value.hint


def test_not_even_the_operator_can_open_the_operating_system(tmp_path: Path) -> None:
    settings = Settings(credential_folders=(Path("/"),))
    with pytest.raises(CredentialNotAllowed, match="belongs to the operating system"):
        secret_of(tmp_path, "{file: /proc/self/environ}", settings)


def special(folder: Path) -> Iterator[tuple[str, str]]:
    os.mkfifo(folder / "pipe")
    yield "pipe", "is not a regular file"
    (folder / "folder").mkdir()
    yield "folder", "is not a regular file"
    (folder / "large").write_bytes(b"x" * (LARGEST_FILE + 1))
    yield "large", "is larger than 64 KiB"
    (folder / "bytes").write_bytes(b"\xff\xfe")
    yield "bytes", "is not text in UTF-8"
    (folder / "empty").write_bytes(b"\n")
    yield "empty", "is empty"
    (folder / "circle").symlink_to("circle")
    yield "circle", "cannot read"
    yield "absent", "cannot read"


def test_only_a_small_regular_file_is_read_and_nothing_blocks(folder: Path, tmp_path: Path) -> None:
    settings = Settings(credential_folders=(folder,))
    for name, reason in special(folder):
        began = time.monotonic()
        with pytest.raises(SettingsInvalid, match=reason):
            secret_of(tmp_path / "m", f"{{file: {folder}/{name}}}", settings)
        assert time.monotonic() - began < 10, name


async def test_a_pass_reads_credentials_off_the_event_loop(world: World, folder: Path) -> None:
    """A file server that does not answer holds up no other organisation."""
    file = folder / "genesys"
    file.write_text(SECRET)
    opened: list[threading.Thread] = []

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]) == str(file):
            opened.append(threading.current_thread())

    sys.addaudithook(hear)
    world.services.settings = world.services.settings.model_copy(
        update={"credential_variables": ("ACME_*",), "credential_folders": (folder,)}
    )
    world.describe(credentials={"clientId": {"env": "ACME_ID"}, "clientSecret": {"file": str(file)}})
    report = await world.plan()
    assert report.error is None
    assert opened
    assert threading.main_thread() not in opened


async def test_the_service_takes_loopback_only_where_the_operator_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"o.yaml": LOCAL})
    monkeypatch.delenv("PENSTOCK_ORGANIZATION_HOSTS")
    assert open_folder(tmp_path, load_settings()).desired.organizations, "a person's command may"

    async def first(settings: Settings) -> object:
        fault: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        feed = FolderFeed(tmp_path, settings, SystemClock()).workspaces(fault.set_result)
        found = asyncio.ensure_future(anext(feed))
        (told,), waiting = await asyncio.wait({fault, found}, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await feed.aclose()
        return told.result()

    refused = await first(load_settings(service=True))
    assert isinstance(refused, ManifestInvalid)
    assert {mistake.code for mistake in refused.mistakes} == {"host-not-allowed"}
    assert "PENSTOCK_ORGANIZATION_HOSTS" in str(refused.mistakes[0].hint)
    for entry in ("127.0.0.1", "127.0.0.1:9", "http://127.0.0.1:9"):
        monkeypatch.setenv("PENSTOCK_ORGANIZATION_HOSTS", entry)
        assert not isinstance(await first(load_settings(service=True)), ManifestInvalid), entry


def test_a_host_that_gates_may_ask_gets_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://probe.example.com"
    write(tmp_path, {"o.yaml": organization(endpoint=f"apiUrl: {url}\n  loginUrl: {url}")})
    monkeypatch.setenv("PENSTOCK_GATE_HOSTS", "probe.example.com")
    with pytest.raises(ManifestInvalid, match=r"leads to probe\.example\.com, which is not allowed"):
        open_folder(tmp_path, load_settings())
    monkeypatch.setenv("PENSTOCK_ORGANIZATION_HOSTS", "probe.example.com")
    assert open_folder(tmp_path, load_settings()).desired.organizations


def test_the_former_list_of_hosts_is_read_for_organisations_alone_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENSTOCK_ALLOWED_HOSTS", "genesys.example.com")
    monkeypatch.setenv("PENSTOCK_ORGANIZATION_HOSTS", "")
    settings = load_settings()
    assert (settings.organization_hosts, settings.gate_hosts) == ({"genesys.example.com"}, frozenset())
    told = capsys.readouterr().out
    assert "PENSTOCK_ALLOWED_HOSTS" in told
    assert "PENSTOCK_ORGANIZATION_HOSTS" in told
    assert "PENSTOCK_GATE_HOSTS" in told


def test_a_command_reads_credentials_below_the_users_own_configuration_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own = tmp_path / "config" / "penstock"
    own.mkdir(parents=True)
    (own / "genesys").write_text("from-the-users-own-folder")
    named = f"{{file: {own}/genesys}}"
    assert secret_of(tmp_path / "m", named, load_settings()) == "from-the-users-own-folder"
    with pytest.raises(CredentialNotAllowed, match=r"PENSTOCK_CREDENTIAL_FOLDERS|may not name the file"):
        secret_of(tmp_path / "m", named, load_settings(service=True))


def test_a_folder_that_is_not_absolute_is_a_mistake_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CREDENTIAL_FOLDERS", "/run/secrets:secrets")
    with pytest.raises(SettingsInvalid, match=r"PENSTOCK_CREDENTIAL_FOLDERS: .*secrets must be an absolute path"):
        load_settings()
