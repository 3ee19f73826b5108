"""A command in a store that no controller uses decides nothing, and delivers nothing beside a controller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from controller.simulator.simulator import Simulator
from tests.support.inside import InsideShell
from tests.support.kept import Kept, begun
from tests.support.sources import inbound
from tests.support.stores import prepare

SERVER = "https://penstock.example.com"
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Two versions of Front were delivered by a controller with an address; this machine has another store."""
    with begun(tmp_path_factory.mktemp("kept")) as (made, simulator):
        made.environment["PENSTOCK_PUBLIC_URL"] = f"{SERVER}/"
        assert made.run("apply").returncode == 0
        made.flow("front", inbound("Front", calls=["Hours"], says="Second"))
        made.commit()
        assert made.run("apply").returncode == 0
        del made.environment["PENSTOCK_PUBLIC_URL"]
        prepare(made.folder.with_name("laptop.db"))
        made.environment["PENSTOCK_STORE"] = f"sqlite:///{made.folder.with_name('laptop.db')}"
        yield Kept(made, simulator)


def forget_the_address(shell: InsideShell) -> None:
    """As if the controller had recorded without an address."""
    path = "artifacts/acme/penstock.lock.yaml"
    shell.git("checkout", "--quiet", "penstock/records")
    file = shell.folder / path
    file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith("server:")))
    shell.git("commit", "--quiet", "--all", "--message", "Forget the address")
    shell.git("checkout", "--quiet", "main")


def audited(shell: InsideShell) -> list[str]:
    shown = shell.json("audit", "list")
    return [entry["action"] for entry in shown["entries"]]


@pytest.mark.parametrize(
    "words",
    [
        ("approve", DIGEST),
        ("accept", "front"),
        ("rollback", "front"),
        ("suspend", "--reason", "an outage"),
        ("resume", "--reason", "it is over"),
        ("apply",),
    ],
)
def test_it_says_which_controller_to_ask_and_writes_nothing(
    shell: InsideShell, simulator: Simulator, words: tuple[str, ...]
) -> None:
    shell.flow("front", inbound("Front", calls=["Hours"], says="Third"))
    shell.commit()
    before = simulator.flow("inboundcall", "Front").published

    done = shell.run(*words)

    assert f"--server {SERVER}" in done.stderr + done.stdout
    assert "recorded-elsewhere" in done.stderr + done.stdout
    assert done.returncode == 3
    assert audited(shell) == []
    assert simulator.flow("inboundcall", "Front").published == before


@pytest.mark.parametrize("words", [("approve", DIGEST), ("accept", "front"), ("rollback", "front")])
def test_a_record_without_an_address_is_another_stores_all_the_same(shell: InsideShell, words: tuple[str, ...]) -> None:
    forget_the_address(shell)

    done = shell.run(*words)

    assert done.returncode == 3
    assert "recorded-elsewhere" in done.stderr + done.stdout
    assert SERVER not in done.stderr + done.stdout


def test_a_delivery_goes_on_where_no_controller_gave_its_address(shell: InsideShell) -> None:
    """Jobs of a CI system have a store each, and no controller."""
    forget_the_address(shell)
    shell.flow("front", inbound("Front", calls=["Hours"], says="Third"))
    shell.commit()

    assert shell.run("apply").returncode == 0


def test_a_person_may_say_that_this_store_is_the_controllers_now(shell: InsideShell) -> None:
    assert shell.run("approve", DIGEST, "--this-store", "--reason", "checked").returncode == 0
    assert shell.run("rollback", "front", "--to", "1.0", "--this-store").returncode == 0

    assert {"approve", "rollback"} <= set(audited(shell))
    (approval,) = shell.json("audit", "list", "--action", "approve")["entries"]
    assert approval["details"]["reason"] == "checked"
    assert shell.json("status")["organizations"][0]["last_sync"]["trigger"] == "rollback --this-store"
    assert shell.run("approve", DIGEST).returncode == 0  # the rollback's record names this store


def test_before_the_first_record_no_store_is_another(shell: InsideShell) -> None:
    path = shell.folder / "organization.yaml"
    document = yaml.safe_load(path.read_text())
    document["metadata"]["name"] = "other"
    path.write_text(yaml.safe_dump(document))
    shell.commit()

    assert shell.run("approve", DIGEST).returncode == 0
