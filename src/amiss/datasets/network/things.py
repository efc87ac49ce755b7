"""What things do: publish readings, stream pictures, poll and are polled."""

from __future__ import annotations

import numpy as np

from amiss.datasets.network.office import ask
from amiss.datasets.network.site import Place
from amiss.datasets.network.timing import by_people, by_the_clock

__all__ = ["things"]


def things(place: Place) -> None:
    """All that devices without people do; by the clock, so labelled as look-alikes of beacons."""
    _sensors(place)
    _cameras(place)
    _thermostats(place)
    _controllers(place)


def _sensors(place: Place) -> None:
    """MQTT: one connection held, lost now and then, with a reading and a sign of life every so often."""
    random, site = place.random, place.site
    hub = place.number(site.one("hub"))
    for host in site.roles["sensor"]:
        breaks = np.sort(random.random(random.poisson(place.span / 7200)) * place.span)
        at = place.begin + np.append(random.uniform(0, 5), breaks)
        lasts = np.diff(np.append(at, place.end)) - 0.5
        at, lasts = at[lasts > 2], lasts[lasts > 2]
        readings = lasts / random.uniform(5, 60)
        with place.sheet.about("telemetry", "mqtt", host, [site.one("hub")], planted=False):
            place.sheet.tcp(
                at, place.number(host), hub, 1883, 90 + np.floor(readings) * 70, 20 + np.floor(lasts / 60) * 2,
                duration=lasts, segment_out=70, segment_in=2, service="mqtt", state="RSTO",
            )  # fmt: skip
        small = by_the_clock(random, place.begin, place.end, float(random.choice([30.0, 60.0, 300.0])), 0.05)
        with place.sheet.about("telemetry", "coap", site.one("hub"), [host], planted=False):
            place.sheet.udp(small, hub, place.number(host), 5683, 18, 30 + random.integers(0, 6, len(small)))


def _cameras(place: Place) -> None:
    """A stream to a recorder inside, and stills to the maker's cloud when something moves."""
    random, site = place.random, place.site
    use = site.uses["vendor"]
    for host in site.roles["camera"]:
        starts = np.arange(place.begin + random.uniform(0, 300), place.end, 3600.0)
        lasts = np.minimum(3590.0, place.end - starts)
        rate = random.lognormal(11.0, 0.4)
        with place.sheet.about("camera", "stream", host, [site.one("hub")], planted=False):
            place.sheet.udp(starts, place.number(site.one("hub")), place.number(host), 5004, lasts * 20, lasts * rate,
                            packets_out=lasts, duration=lasts, service="rtp")  # fmt: skip
        moves = by_people(random, place.begin, place.end, 3)
        with place.sheet.about("camera", "stills", host, use.addresses, planted=False):
            ask(place, place.number(host), moves, [use.names[1]] * len(moves), six=False)
            place.sheet.tcp(moves, place.number(host), place.numbers(use.addresses)[1], 443,
                            np.floor(random.lognormal(12, 0.5, len(moves))), 4000, service="tls",
                            name=[use.names[1]] * len(moves), duration=random.exponential(5, len(moves)))  # fmt: skip


def _thermostats(place: Place) -> None:
    random, use = place.random, place.site.uses["broker"]
    for host in place.site.roles["thermostat"]:
        interval, jitter = float(random.choice([60.0, 120.0, 300.0, 600.0])), float(random.uniform(0.01, 0.1))
        at = by_the_clock(random, place.begin, place.end, interval, jitter, walks=bool(random.random() < 0.5))
        with place.sheet.about("cloud_poll", "tls", host, use.addresses[:1], planted=False):
            ask(place, place.number(host), at, [use.names[0]] * len(at), six=False)
            place.sheet.tcp(
                at,
                place.number(host),
                place.number(use.addresses[0]),
                443,
                900 + random.integers(0, 40, len(at)),
                3500,
                service="tls",
                name=[use.names[0]] * len(at),
            )


def _controllers(place: Place) -> None:
    """Modbus: the hub reads registers, one connection for many readings."""
    random, site = place.random, place.site
    hub = place.number(site.one("hub"))
    for host in site.roles["controller"]:
        starts = np.arange(place.begin + random.uniform(0, 20), place.end, float(random.choice([300.0, 900.0])))
        lasts = np.minimum(np.diff(np.append(starts, place.end)) - 1, 290.0)
        starts, lasts = starts[lasts > 1], lasts[lasts > 1]
        n = np.floor(lasts / float(random.choice([1.0, 5.0])))
        with place.sheet.about("telemetry", "modbus", site.one("hub"), [host], planted=False):
            place.sheet.tcp(starts, hub, place.number(host), 502, n * 12, n * 29, duration=lasts, segment_out=12,
                            segment_in=29, service="modbus")  # fmt: skip
