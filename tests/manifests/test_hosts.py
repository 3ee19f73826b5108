"""Credentials go to Genesys domains, to loopback, and to what the operator allows; nowhere else."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from controller.domain.desired import Endpoint
from controller.domain.errors.manifest import ManifestInvalid
from controller.manifests.assembly import Hosts
from controller.manifests.endpoint import REGIONS
from tests.manifests.repository import load, organization, write


def endpoint(root: Path, url: str, allowed: Collection[str] = ()) -> Endpoint:
    written = organization(endpoint=f"apiUrl: {url!r}\n  loginUrl: {url!r}")
    return load(write(root, {"o.yaml": written}), hosts=Hosts(allowed)).organizations[0].endpoint


@pytest.mark.parametrize(
    ("url", "allowed", "expected"),
    [
        ("http://127.0.0.1:8080", (), "http://127.0.0.1:8080"),
        ("http://127.8.9.1:8080/", (), "http://127.8.9.1:8080"),
        ("HTTP://LocalHost", (), "http://localhost"),
        ("http://[::1]:9", (), "http://[::1]:9"),
        ("https://genesys.corp.example", ["genesys.corp.example"], "https://genesys.corp.example"),
        ("https://genesys.corp.example:8443", ["genesys.corp.example"], "https://genesys.corp.example:8443"),
        ("https://genesys.corp.example:8443", ["GENESYS.corp.example:8443"], "https://genesys.corp.example:8443"),
        ("http://simulator:8080", ["http://simulator:8080"], "http://simulator:8080"),
        ("http://simulator:8080", ["http://simulator"], "http://simulator:8080"),
    ],
)
def test_an_allowed_address_is_used_without_its_trailing_slash(
    url: str, allowed: list[str], expected: str, tmp_path: Path
) -> None:
    assert endpoint(tmp_path, url, allowed) == Endpoint(None, expected, expected)


@pytest.mark.parametrize(
    ("url", "allowed", "code"),
    [
        ("https://evil.example", (), "host-not-allowed"),
        ("https://api.mypurecloud.ie", (), "host-not-allowed"),
        ("https://api.mypurecloud.ie.evil.example", (), "host-not-allowed"),
        ("https://localhost.evil.example", (), "host-not-allowed"),
        ("http://127.1", (), "host-not-allowed"),
        ("http://2130706433", (), "host-not-allowed"),
        ("http://0.0.0.0", (), "host-not-allowed"),
        ("http://169.254.169.254", (), "host-not-allowed"),
        ("https://sub.genesys.corp.example", ["genesys.corp.example"], "host-not-allowed"),
        ("https://genesys.corp.example.", ["genesys.corp.example"], "host-not-allowed"),
        ("https://genesys.corp.example:1", ["genesys.corp.example:2"], "host-not-allowed"),
        ("http://genesys.corp.example", ["genesys.corp.example"], "manifest-invalid"),
        ("http://127.0.0.1@evil.example", (), "manifest-invalid"),
        ("http://127.0.0.1\\@evil.example", (), "manifest-invalid"),
        ("http://127.0.0.1:80#@evil.example", (), "manifest-invalid"),
        ("http://127.0.0.1/api", (), "manifest-invalid"),
        ("http://127.0.0.1?x", (), "manifest-invalid"),
        ("http://127.0.0.1:99999", (), "manifest-invalid"),
        ("http://127.0.0.1 ", (), "manifest-invalid"),
        ("ftp://127.0.0.1", (), "manifest-invalid"),
        ("127.0.0.1:8080", (), "manifest-invalid"),
        ("https://ⅼocalhost", (), "manifest-invalid"),
    ],
)
def test_any_other_address_is_refused_with_its_reason(url: str, allowed: list[str], code: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        endpoint(tmp_path, url, allowed)
    assert [mistake.code for mistake in caught.value.mistakes] == [code, code]
    assert [(mistake.origin.line, mistake.origin.column) for mistake in caught.value.mistakes] == [(5, 11), (6, 13)]


def test_a_genesys_host_written_as_a_url_leads_to_its_region(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match=r"write region: mypurecloud\.de instead of the URLs"):
        endpoint(tmp_path, "https://api.mypurecloud.de")


@pytest.mark.parametrize("domain", sorted(REGIONS))
def test_every_genesys_domain_is_a_region(domain: str, tmp_path: Path) -> None:
    root = write(tmp_path, {"o.yaml": organization(endpoint=f"region: {domain}")})
    (loaded,) = load(root).organizations
    assert loaded.endpoint == Endpoint(domain, f"https://api.{domain}", f"https://login.{domain}")


def test_there_are_eighteen_regions() -> None:
    assert len(REGIONS) == 18
    assert len(set(REGIONS.values())) == 18
