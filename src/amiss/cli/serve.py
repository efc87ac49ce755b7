"""`amiss serve`: the dashboard, the triage queue and the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli.streams import say
from amiss.core.errors import StoreError
from amiss.core.extras import require

if TYPE_CHECKING:
    from amiss.server.service import Service

__all__ = ["serve"]


def serve(
    port: Annotated[
        int, typer.Option("--port", metavar="P", help="0 lets the system choose.", min=0, max=65_535)
    ] = 8765,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder of its files; that of amiss watch --state will do.")
    ] = Path("amiss-data"),
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="URL", help="The store: a path, or postgresql://... Default in DIR."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Let a simulated plant and office stream in, with faults now and then.")
    ] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Other than the loopback only with TLS.")
    ] = "127.0.0.1",
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key, PEM.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy before it does TLS; cookies are then sent by TLS alone.")
    ] = False,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Make another token that allows all, and print its link.")
    ] = False,
) -> None:
    """Serve the dashboard: look at what was found, say what is right, and see the order change.

    At the first start a link with a token is printed, which opens the dashboard; more tokens are made there. It shows
    what amiss watch keeps in the same store. Ends on Ctrl-C.

    \b
    Examples:
      amiss serve --demo
      amiss serve --data plant --port 8080
      amiss serve --store postgresql://amiss@127.0.0.1/amiss --host 0.0.0.0 --tls-cert c.pem --tls-key k.pem
    """
    require("fastapi", extra="serve", what="The server")
    from amiss.server.app import make_app, make_service
    from amiss.server.assets import assets
    from amiss.server.running import Address, Server
    from amiss.store.store import Store

    address = Address(host, port, tls_cert, tls_key, behind_proxy).checked()
    folder = _made(data)
    with Store.open(store if store is not None else folder / "amiss.db") as opened:
        service = make_service(folder, opened, secure=tls_cert is not None or behind_proxy, hosts=address.hosts)
        server = Server(make_app(service), address, service.hub.close)
        if not assets():
            say("the dashboard is not built, so pages stand without their script: see amiss doctor")
        _greet(service, server.url, new=new_token)
        if demo:
            from amiss.server.demo import Demo

            with Demo(opened, folder):
                server.run()
        else:
            server.run()


def _greet(service: Service, url: str, *, new: bool) -> None:
    """The link with a token, where it is the first start or another is asked for."""
    known = service.store.tokens()
    if known and not new:
        say(f"amiss listens at {url}")
        return
    token, _ = service.access.make(f"first-run-{len(known) + 1}", ("admin",), service.clock.now())
    say(f"amiss listens; open {url}/login#{token}")
    say("this token allows all and is told this once; more are made under Tokens")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder cannot be made: {error.strerror}", where=str(folder), mend="give another with --data"
        ) from error
    return folder
