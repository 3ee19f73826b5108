"""`penstock simulator`: a Genesys Cloud organisation on loopback."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from controller.simulator.resources.loading import FROM_FLOWS, read_resources
from controller.simulator.serve import serve
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator

_Load = Annotated[
    list[Path] | None,
    typer.Option(
        "--load",
        exists=True,
        file_okay=False,
        help="Publish every Archy file below this folder at 1.0; may be repeated.",
    ),
]
_Resources = Annotated[
    list[str] | None,
    typer.Option(
        "--resources",
        metavar="FILE",
        help="Queues, data actions, … that the organisation has, YAML or JSON; from-flows for all that loaded flows "
        "name; may be repeated.",
    ),
]


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """The command line of `penstock simulator`."""

    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 is any free port.")] = 0
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1"
    load: _Load = None
    resources: _Resources = None
    strict: Annotated[
        bool, typer.Option("--strict", help="A publish needs every resource that its flow names, of all kinds.")
    ] = False
    state: Annotated[Path | None, typer.Option("--state", help="Keep the state in this file.")] = None
    faults: Annotated[Path | None, typer.Option("--faults", help="Faults to begin with, YAML or JSON.")] = None
    time_scale: Annotated[float, typer.Option("--time-scale", min=0.001, help="How many times faster.")] = 1.0
    rate_limit: Annotated[int, typer.Option("--rate-limit", min=1, help="Requests a minute for a token.")] = 300


def simulator(options: SimulatorOptions) -> None:
    """Serve until SIGTERM or Ctrl-C; the first line on stdout is the URL."""
    simulated = loaded(options)

    def ready(url: str) -> None:
        print(url, flush=True)

    asyncio.run(serve(simulated, host=options.host, port=options.port, ready=ready))


def loaded(options: SimulatorOptions) -> Simulator:
    """The organisation with its faults, resources and flows. Raises `SettingsInvalid` for a file with a mistake."""
    settings = SimulatorSettings(
        time_scale=options.time_scale,
        rate_limit_per_minute=options.rate_limit,
        strict_resources=options.strict,
    )
    simulated = Simulator(settings=settings, state_file=options.state)
    if options.faults is not None:
        simulated.load_faults(options.faults)
    given = [None if name == FROM_FLOWS else read_resources(Path(name)) for name in options.resources or ()]
    for one in (one for one in given if one is not None):
        simulated.load_resources(one)
    for folder in options.load or ():
        report = simulated.load_folder(folder)
        for skipped in report.skipped:
            print(f"penstock simulator: {skipped.path}: {skipped.reason}", file=sys.stderr)
        for warning in report.warnings:
            print(f"penstock simulator: {warning}", file=sys.stderr)
    if None in given:
        simulated.load_resources(None)
    return simulated
