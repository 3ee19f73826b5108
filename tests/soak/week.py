"""A controller that lives through days of simulated time, in a process of its own.

    python -m tests.soak.week DAYS SEED FOLDER [STORE]

Time is stepped, so that a day takes minutes. The samples are written to FOLDER/samples.jsonl, one line for each pause;
the last line of standard output is a summary as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import structlog
import yaml

from controller.cli.commands.run import git_sources
from controller.reconcile.receivers import configured_notifications
from controller.reconcile.settings import load_settings
from controller.service.controller import Controller
from controller.service.metrics import Metrics
from controller.store.store import Store
from tests.soak.life import Life
from tests.soak.samples import kinds, sample
from tests.support.shell import free_port
from tests.support.world import World

PAUSE_S = 1200.0
"""Between two events; a sample is taken before each."""
KEPT_DAYS = 1
"""How long the store keeps the past, so that its size comes to rest within the run."""
_POLL_S = 300.0


async def live(days: float, seed: int, folder: Path, store_url: str) -> dict[str, object]:
    """Run it. The summary counts what happened, and names the kinds of objects that grew most."""
    world = World(folder)
    await world.close()
    port = free_port()
    with receiver() as url, Store.open(store_url, clock=world.clock, audit_days=1, history_days=KEPT_DAYS) as store:
        settings = load_settings(service=True).model_copy(
            update={
                "store": store_url,
                "rate_limit": 3000,
                "notifications": False,
                "webhook_url": url,
                "config": _configuration(folder, url),
                "poll_interval": _POLL_S,
                "http_address": f"127.0.0.1:{port}",
                "repository_url": str(world.remote),
            }
        )
        around = Life(world, settings, store, seed)
        around.services.notifications = configured_notifications(settings, world.clock)
        stop = asyncio.Event()
        controller = Controller(around.services, git_sources(settings, world.clock, folder / "work"), stop)
        running = asyncio.create_task(controller.run())
        before: Counter[str] = Counter()
        pauses = int(days * 86_400 / PAUSE_S)
        with (folder / "samples.jsonl").open("w", buffering=1) as out:
            for number in range(pauses):
                await world.clock.sleep(PAUSE_S)
                around.forget()
                found = sample(store)
                hours = round(world.clock.elapsed_s / 3600, 2)
                out.write(json.dumps({"hours": hours, "guest": around.has_guest, **found}) + "\n")
                if number == pauses // 2:
                    before = kinds()
                await around.happen(port)
        more = kinds() - before
        stop.set()
        await asyncio.wait_for(running, 120)
    counted = {name: _total(controller.metrics, name) for name in ("penstock_passes", "penstock_syncs")}
    return {"happened": around.happened, **counted, "messages": _Receiver.heard, "grew": dict(more.most_common(12))}


def _configuration(folder: Path, url: str) -> Path:
    """A file that names receivers of three kinds, all at this address, and tells each of everything."""
    (folder / "address").write_text(url)
    address = {"url": {"file": str(folder / "address")}}
    kinds = ("slack", "teams", "webhook")
    document = {
        "apiVersion": "penstock/v1",
        "kind": "Configuration",
        "receivers": [{"name": f"by-{kind}", kind: address} for kind in kinds],
        "notifications": [{"receiver": f"by-{kind}"} for kind in kinds],
    }
    file = folder / "configuration.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def _total(metrics: Metrics, name: str) -> dict[str, float]:
    """The counter by outcome, of the organisations that are shown at the end."""
    found: Counter[str] = Counter()
    for family in metrics.registry.collect():
        for each in family.samples:
            if each.name == f"{name}_total" and each.value:
                found[each.labels["outcome"]] += int(each.value)
    return dict(found)


@contextlib.contextmanager
def receiver() -> Iterator[str]:
    """Takes messages, and has two of ten fail."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Receiver(BaseHTTPRequestHandler):
    heard = 0

    def do_POST(self) -> None:
        _Receiver.heard += 1
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(503 if _Receiver.heard % 10 < 2 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def main(days: str, seed: str, folder: str, store: str | None = None) -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    place = Path(folder)
    # What was imported stays, and is no part of what may grow: each sample would look through it.
    gc.collect()
    gc.freeze()
    summary = asyncio.run(live(float(days), int(seed), place, store or f"sqlite:///{place / 'store.db'}"))
    sys.stdout.write(f"{json.dumps(summary)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
