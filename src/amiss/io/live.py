"""The door to live sources: an address says by its scheme which one it is."""

from __future__ import annotations

import difflib
import importlib
from typing import Any, Protocol

import msgspec

from amiss.core.errors import ConnectorError, ParameterError
from amiss.core.live import LiveSource
from amiss.io.address import Address, read_address

__all__ = ["LIVE_SCHEMES", "live_options", "open_live"]

LIVE_SCHEMES = {
    "-": "amiss.io.stdin.source:Stdin",
    "file": "amiss.io.tail.source:Tail",
    "host": "amiss.io.host.source:Host",
    "http": "amiss.io.http.source:Http",
    "kafka": "amiss.io.kafka.source:Kafka",
    "mqtt": "amiss.io.mqtt.source:Mqtt",
    "mqtts": "amiss.io.mqtt.source:Mqtt",
}
"""Each scheme, and where the source and its options are found."""
_WITHOUT_HOST = ("-", "file", "host")


class _At(Protocol):
    def __call__(self, address: Address, *, name: str, options: Any) -> LiveSource: ...


def live_options(scheme: str) -> type[msgspec.Struct]:
    """The options of the source of a scheme: names, types and defaults.

    Raises
    ------
    ConnectorError
        No source has this scheme; names the nearest.
    """
    module, _, kind = _known(scheme).partition(":")
    found: type[msgspec.Struct] = getattr(importlib.import_module(module), f"{kind}Options")
    return found


def open_live(address: str, **options: Any) -> LiveSource:
    """The source at an address; it connects when its `open` is called.

    Parameters
    ----------
    address
        `-`, `file:PATH`, `host:`, `http://:PORT/`, `kafka://HOST/TOPIC`, `mqtt://HOST/TOPIC` or `mqtts://HOST/TOPIC`.
        Options may stand in it behind a question mark, but not in that of a file.
    options
        The source's own, as its README says; they win over those in the address. `name` is what the user calls it.

    Raises
    ------
    ConnectorError
        The address has no scheme that is known, or lacks a part; names the nearest scheme.
    ParameterError
        An option is not known, or has a value that it cannot take; names the nearest option.

    Examples
    --------
    >>> from amiss.io.live import open_live
    >>> open_live("mqtt://me:secret@broker.example/plant/#", client_id="line-4").name
    'mqtt://me:***@broker.example/plant/#'
    >>> open_live("mqt://broker.example/plant/#")
    Traceback (most recent call last):
    ...
    amiss.core.errors.ConnectorError: no source is called 'mqt'; is it 'mqtt'?
      where: mqt:
      mend:  one of: -, file:, host:, http:, kafka:, mqtt:, mqtts:
    """
    scheme = address.partition(":")[0].lower() if address != "-" else "-"
    if address != "-" and ":" not in address:
        read_address(address)  # says what an address is
    module, _, kind = _known(scheme).partition(":")
    read = read_address(address, with_host=scheme not in _WITHOUT_HOST)
    name = str(options.pop("name", ""))
    chosen = _options(read, live_options(scheme), read.options | options)
    source: _At = getattr(importlib.import_module(module), f"{kind}Source").at
    return source(read, name=name, options=chosen)


def _known(scheme: str) -> str:
    if scheme in LIVE_SCHEMES:
        return LIVE_SCHEMES[scheme]
    near = difflib.get_close_matches(scheme, LIVE_SCHEMES, 1, 0.5)
    raise ConnectorError(
        f"no source is called {scheme!r}" + (f"; is it {near[0]!r}?" if near else ""), where=f"{scheme}:",
        mend="one of: " + ", ".join(name if name == "-" else f"{name}:" for name in LIVE_SCHEMES),
    )  # fmt: skip


def _options(address: Address, kind: type[msgspec.Struct], given: dict[str, Any]) -> msgspec.Struct:
    known = kind.__struct_fields__
    for option in given:
        if option not in known:
            near = difflib.get_close_matches(option, known, 1, 0.5)
            raise ParameterError(
                f"there is no option {option!r}" + (f"; is it {near[0]!r}?" if near else ""), where=address.shown,
                mend="one of: " + ", ".join(sorted(known)),
            )  # fmt: skip
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise ParameterError(
            f"an option has a value that it cannot take: {what}",
            where=f"{where.rstrip('`')} of {address.shown}", mend="see the source's README",
        ) from None  # fmt: skip
