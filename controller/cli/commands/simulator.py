"""`penstock simulator`: a Genesys Cloud organisation on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulator(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 is any free port.")] = 0,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    load: Annotated[
        list[Path] | None,
        typer.Option(
            "--load",
            exists=True,
            file_okay=False,
            help="Publish every Archy file below this folder at 1.0; may be repeated.",
        ),
    ] = None,
    state: Annotated[Path | None, typer.Option("--state", help="Keep the state in this file.")] = None,
    faults: Annotated[Path | None, typer.Option("--faults", help="Faults to begin with, YAML or JSON.")] = None,
    time_scale: Annotated[float, typer.Option("--time-scale", min=0.001, help="How many times faster.")] = 1.0,
    rate_limit: Annotated[int, typer.Option("--rate-limit", min=1, help="Requests a minute for a token.")] = 300,
) -> None:
    """Serve a simulated organisation; prints its URL first. Client `penstock`, secret `penstock-secret`."""
    import asyncio
    import sys

    from controller.simulator import Simulator, SimulatorSettings, serve

    settings = SimulatorSettings(time_scale=time_scale, rate_limit_per_minute=rate_limit)
    simulated = Simulator(settings=settings, state_file=state)
    if faults is not None:
        simulated.load_faults(faults)
    for folder in load or ():
        report = simulated.load_folder(folder)
        for skipped in report.skipped:
            print(f"penstock simulator: {skipped.path}: {skipped.reason}", file=sys.stderr)
        for warning in report.warnings:
            print(f"penstock simulator: {warning}", file=sys.stderr)

    def ready(url: str) -> None:
        print(url, flush=True)

    asyncio.run(serve(simulated, host=host, port=port, ready=ready))
