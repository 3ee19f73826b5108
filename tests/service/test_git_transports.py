"""`penstock run` from the first clone to the pushed record, with git over HTTPS behind nginx and over SSH."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository.servers import ssh_remote, sshd_program
from tests.support.nginx import git_over_https
from tests.support.service import Service
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module
from tests.support.tinyproxy import LOGIN, http_proxy
from tests.support.world import RECORDS, World

TOKEN = "a-token-that-nobody-may-see"


@pytest.fixture
def service(world: World, tmp_path: Path) -> Iterator[Service]:
    """Not started; it delivers what `ask_for` commits."""
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        ask_for(world, "Hello")
        made = Service(world, url, tmp_path)
        # Each poll, and each look for drift, encrypts and starts programs.
        made.environment |= {"PENSTOCK_POLL_INTERVAL": "5", "PENSTOCK_DRIFT_INTERVAL": "5"}
        yield made
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def ask_for(world: World, says: str) -> None:
    world.flow("hours", module("Hours", says=says))
    world.flow("front", inbound("Front", says=says, calls=["Hours"]))
    world.commit()


def assert_delivers(service: Service) -> None:
    """Two commits are published in order, and their records pushed."""
    service.start()
    service.until(lambda: delivered(service, "1.0"), "the first delivery")
    ask_for(service.world, "Hello again")
    service.until(lambda: delivered(service, "2.0"), "the second delivery")
    assert service.published() == {"Hours": ["1.0", "2.0"], "Front": ["1.0", "2.0"]}


def delivered(service: Service, version: str) -> bool:
    if service.organization().get("message") != "in sync" or set(service.live().values()) != {version}:
        return False
    world = service.world
    return world._git(world.remote, "log", "--format=%B", RECORDS, check=False).count(f"front {version}") == 1


def fault(service: Service) -> str:
    answer = service.get("/status")
    return (answer.json()["fault"] or "") if answer is not None else ""


def test_over_https_with_a_certificate_of_ones_own_behind_nginx(service: Service, tmp_path: Path) -> None:
    world = service.world
    world._git(world.remote, "config", "http.receivepack", "true")
    with git_over_https(world.remote.parent, tmp_path / "nginx", login=("x-access-token", TOKEN)) as server:
        service.environment |= {
            "PENSTOCK_REPOSITORY_URL": f"{server.url}/{world.remote.name}",
            "PENSTOCK_GIT_TOKEN": TOKEN,
            "PENSTOCK_CA_FILE": str(server.authority),
        }
        assert_delivers(service)
        requests = server.access_log.read_text().splitlines()
    assert any(line.startswith("200 x-access-token POST") and "git-receive-pack" in line for line in requests)
    assert service.stop() == 0
    assert TOKEN not in service.log.read_text()


def test_a_refused_token_is_told_and_delivers_nothing(service: Service, tmp_path: Path) -> None:
    world = service.world
    world._git(world.remote, "config", "http.receivepack", "true")
    with git_over_https(world.remote.parent, tmp_path / "nginx", login=("x-access-token", "other")) as server:
        service.environment |= {
            "PENSTOCK_REPOSITORY_URL": f"{server.url}/{world.remote.name}",
            "PENSTOCK_GIT_TOKEN": TOKEN,
            "PENSTOCK_CA_FILE": str(server.authority),
        }
        service.start()
        service.until(lambda: fault(service) != "", "the refused token is told")
        assert TOKEN not in fault(service)
        assert service.flows() == []


def test_an_authority_that_nobody_trusts_gets_no_token(service: Service, tmp_path: Path) -> None:
    world = service.world
    with git_over_https(world.remote.parent, tmp_path / "nginx", login=("x-access-token", TOKEN)) as server:
        service.environment |= {
            "PENSTOCK_REPOSITORY_URL": f"{server.url}/{world.remote.name}",
            "PENSTOCK_GIT_TOKEN": TOKEN,
        }
        service.start()
        service.until(lambda: "certificate" in fault(service), "the certificate is refused")
        assert "PENSTOCK_CA_FILE" in service.log.read_text()
        assert server.access_log.read_text() == ""


def test_everything_goes_through_the_proxy_of_the_environment(service: Service, tmp_path: Path) -> None:
    world = service.world
    world._git(world.remote, "config", "http.receivepack", "true")
    with (
        git_over_https(world.remote.parent, tmp_path / "nginx", login=("x-access-token", TOKEN)) as server,
        http_proxy(tmp_path / "proxy") as proxy,
    ):
        service.environment |= {
            "PENSTOCK_REPOSITORY_URL": f"{server.url}/{world.remote.name}",
            "PENSTOCK_GIT_TOKEN": TOKEN,
            "PENSTOCK_CA_FILE": str(server.authority),
            "HTTPS_PROXY": proxy.url,
            "HTTP_PROXY": proxy.url,
            "NO_PROXY": "",
        }
        assert_delivers(service)
        git, api = server.url.removeprefix("https://"), service.url.removeprefix("http://")
        assert proxy.asked(f"CONNECT {git} "), "git"
        assert proxy.asked(f"GET {service.url}/api/v2/flows"), "calls to the organisation"
        assert proxy.asked(f"CONNECT {api} "), "the notification channel"
        shown = [answer.text for path in ("/status", "/metrics") if (answer := service.get(path)) is not None]
    assert service.stop() == 0
    assert not any(LOGIN[1] in text for text in (*shown, service.log.read_text()))


def test_hosts_of_no_proxy_are_reached_without_it_and_a_refusing_proxy_is_named(
    service: Service, tmp_path: Path
) -> None:
    world = service.world
    with (
        git_over_https(world.remote.parent, tmp_path / "nginx", login=("x-access-token", TOKEN)) as server,
        http_proxy(tmp_path / "proxy") as proxy,
    ):
        refused = proxy.url.replace(LOGIN[1], "wrong-password-0123")
        service.environment |= {
            "PENSTOCK_REPOSITORY_URL": f"{server.url}/{world.remote.name}",
            "PENSTOCK_GIT_TOKEN": TOKEN,
            "PENSTOCK_CA_FILE": str(server.authority),
            "https_proxy": refused,
        }
        service.start()
        service.until(lambda: "CONNECT tunnel failed" in fault(service), "the proxy refuses git")
        assert service.stop() == 0
        assert "check HTTPS_PROXY" in service.log.read_text()
        assert "wrong-password-0123" not in service.log.read_text()

        before = len(proxy.log.read_text().splitlines())
        service.environment["NO_PROXY"] = "127.0.0.1"
        service.start()
        service.until(lambda: set(service.live().values()) == {"1.0"}, "the delivery without the proxy")
        assert len(proxy.log.read_text().splitlines()) == before


@pytest.mark.skipif(sshd_program() is None, reason="sshd is not installed")
def test_over_ssh_with_a_key_and_known_hosts(service: Service, tmp_path: Path) -> None:
    with ssh_remote(tmp_path / "sshd") as server:
        service.environment |= {
            "PENSTOCK_REPOSITORY_URL": f"{server.url}{service.world.remote}",
            "PENSTOCK_GIT_SSH_KEY": str(server.key),
            "PENSTOCK_GIT_KNOWN_HOSTS": str(server.known_hosts),
        }
        assert_delivers(service)
    assert service.stop() == 0


@pytest.mark.skipif(sshd_program() is None, reason="sshd is not installed")
def test_an_ssh_server_with_another_key_than_the_known_one_gets_nothing(service: Service, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ssh_remote(tmp_path / "sshd"))
        other = stack.enter_context(ssh_remote(tmp_path / "other"))
        known = tmp_path / "known_hosts"
        port = server.url.rpartition(":")[2]
        known.write_text(f"[127.0.0.1]:{port} {other.known_hosts.read_text().partition(' ')[2]}")
        service.environment |= {
            "PENSTOCK_REPOSITORY_URL": f"{server.url}{service.world.remote}",
            "PENSTOCK_GIT_SSH_KEY": str(server.key),
            "PENSTOCK_GIT_KNOWN_HOSTS": str(known),
        }
        service.start()
        service.until(lambda: "Host key verification failed" in fault(service), "the strange host key is told")
        assert service.flows() == []
