"""Serving releases: over HTTP with `serve`, to an assistant with `mcp`.

Belongs here: their options and messages. Does not belong here: the servers (`pipelines/http_server.py`,
`pipelines/mcp_server.py`).
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson
from sources.data_folder import DataFolder
from sources.errors import DistrettoError

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 serves the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    as_json: AsJson = False,
) -> None:
    """Serve the releases over HTTP, read-only, to this machine: pages at /, files at /current/ and /releases/RELEASE/.

    It has no login and no encryption. In DuckDB: [cyan]attach 'http://127.0.0.1:8000/current/distretto.duckdb' (read_only)[/cyan]
    """
    from pipelines.http_server import listen

    home = DataFolder.from_env()
    run = listen(home, host, port)
    address = f"http://{host}:{port}/"
    console.report(
        as_json,
        {"address": address, "folder": str(home.releases)},
        f"Serving {home.releases} on {address}",
        "press Ctrl-C to stop.",
    )
    sys.stdout.flush()
    run()


@app.command()
def mcp(as_json: AsJson = False) -> None:
    """Give an assistant three tools by the Model Context Protocol: find an indicator, a figure as of a date, check a claim.

    It reads stdin and writes stdout, always JSON, until they are closed: register the command with the assistant. Needs the
    extra `mcp`.
    """
    try:
        from pipelines.mcp_server import server
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "mcp":
            raise
        raise DistrettoError(
            "The Model Context Protocol is not installed.",
            hint="pip install 'distretto[mcp]', then try again.",
        ) from None
    server(DataFolder.from_env()).run()
