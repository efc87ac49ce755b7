"""Traffic as arrays and words, for a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ModelFileError
from amiss.network.addresses import Addresses
from amiss.network.flows import STATES, Flows
from amiss.network.traffic import DnsMessages, Traffic

__all__ = ["arrays_of", "traffic_of", "words_of"]

_WORDS = ("services", "names")
_LEFT_OUT = ("hosts", "label", "statistics", "statistic_names", *_WORDS)
"""Not kept as arrays: words, and what no behaviour asks of traffic that is known to be good."""
_COLUMNS = tuple(one.name for one in fields(Flows) if one.name not in _LEFT_OUT)
_DNS = tuple(one.name for one in fields(DnsMessages) if one.name != "name")


def arrays_of(traffic: Traffic) -> dict[str, npt.NDArray[Any]]:
    """The columns of its flows and of the names asked for."""
    flows = {name: getattr(traffic.flows, name) for name in _COLUMNS}
    return flows | {f"dns.{name}": getattr(traffic.dns, name) for name in _DNS}


def words_of(traffic: Traffic) -> dict[str, list[str]]:
    """Hosts, services and names."""
    flows = traffic.flows
    return {
        "hosts": list(flows.hosts.words), "services": list(flows.services), "names": list(flows.names),
        "asked": list(traffic.dns.name),
    }  # fmt: skip


def traffic_of(arrays: Mapping[str, npt.NDArray[Any]], words: Mapping[str, list[str]]) -> Traffic:
    """The traffic that both were made of.

    Raises
    ------
    ModelFileError
        They do not fit together.
    """
    hosts, asked = [str(word) for word in words["hosts"]], tuple(str(word) for word in words["asked"])
    limits = {"src": len(hosts), "dst": len(hosts), "service": len(words["services"]), "name": len(words["names"])}
    columns = _checked({name: arrays[name] for name in _COLUMNS}, limits)
    state = columns["state"]
    if len(state) and not 0 <= int(state.min()) <= int(state.max()) < len(STATES):
        raise ModelFileError("the flows kept in the model file have states that there are not")
    dns = _checked({name: arrays[f"dns.{name}"] for name in _DNS}, {"client": len(hosts), "server": len(hosts)})
    if len(asked) != len(dns["time"]):
        raise ModelFileError("the names kept in the model file do not fit together")
    flows = Flows(
        hosts=Addresses(hosts), services=tuple(map(str, words["services"])), names=tuple(map(str, words["names"])),
        **columns,
    )  # fmt: skip
    return Traffic(flows, DnsMessages(name=asked, **dns))


def _checked(columns: dict[str, Any], limits: Mapping[str, int]) -> dict[str, Any]:
    """The columns, if they are equally long and point at words that are there."""
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or any(values.ndim != 1 for values in columns.values()):
        raise ModelFileError("the flows kept in the model file do not fit together")
    for name, most in limits.items():
        values, least = columns[name], -1 if name in ("service", "name") else 0
        if len(values) and not least <= int(values.min()) <= int(values.max()) < most:
            raise ModelFileError(f"the flows kept in the model file have a {name} that it does not hold")
    return {k: np.asarray(v, np.int32 if v.dtype.kind == "i" else np.float64) for k, v in columns.items()}
