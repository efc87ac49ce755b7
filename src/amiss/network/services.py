"""What is spoken in a flow: by what its first bytes are, then by well-known port."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["PORTS", "services"]

Records = npt.NDArray[np.void]
Bools = npt.NDArray[np.bool_]
_TCP, _UDP = 6, 17

PORTS: dict[int, str] = {
    20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 37: "time", 43: "whois", 49: "tacacs", 53: "dns",
    67: "dhcp", 68: "dhcp", 69: "tftp", 70: "gopher", 79: "finger", 80: "http", 88: "kerberos", 102: "s7", 110: "pop3",
    111: "rpc", 119: "nntp", 123: "ntp", 135: "dcerpc", 137: "netbios", 138: "netbios", 139: "smb", 143: "imap",
    161: "snmp", 162: "snmp", 179: "bgp", 194: "irc", 389: "ldap", 427: "slp", 443: "tls", 445: "smb", 465: "smtp",
    500: "ike", 502: "modbus", 514: "syslog", 515: "printer", 520: "rip", 546: "dhcp6", 547: "dhcp6", 548: "afp",
    554: "rtsp", 587: "smtp", 623: "ipmi", 631: "ipp", 636: "tls", 853: "tls", 873: "rsync", 990: "tls", 993: "tls",
    995: "tls", 1080: "socks", 1194: "openvpn", 1433: "mssql", 1521: "oracle", 1701: "l2tp", 1723: "pptp",
    1812: "radius", 1813: "radius", 1883: "mqtt", 1900: "ssdp", 2049: "nfs", 2055: "netflow", 2123: "gtp",
    2152: "gtp", 2375: "docker", 3128: "http", 3268: "ldap", 3306: "mysql", 3389: "rdp", 3478: "stun", 4500: "ike",
    4739: "ipfix", 4789: "vxlan", 5060: "sip", 5061: "tls", 5222: "xmpp", 5353: "mdns", 5355: "llmnr",
    5432: "postgresql", 5671: "tls", 5672: "amqp", 5683: "coap", 5684: "dtls", 5900: "vnc", 5985: "http", 5986: "tls",
    6343: "sflow", 6379: "redis", 6667: "irc", 6881: "bittorrent", 8000: "http", 8008: "http", 8080: "http",
    8443: "tls", 8883: "tls", 8888: "http", 9092: "kafka", 9100: "printer", 9200: "http", 9418: "git",
    11211: "memcached", 20000: "dnp3", 27017: "mongodb", 44818: "enip", 47808: "bacnet", 51820: "wireguard",
}  # fmt: skip
"""What usually listens on a port."""
_OF_UDP = {80: "quic", 443: "quic"}
_N_PORTS = 65_536


def services(flows: Records) -> list[str]:
    """What is spoken in each flow, "" where nothing says, from the records of the assembly."""
    found = _by_port(flows)
    for name, which in _by_content(flows):
        found[which] = name
    words: list[str] = found.tolist()
    return words


@lru_cache(maxsize=1)
def _tables() -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """What usually listens on each port of TCP, and of UDP."""
    table = np.full(_N_PORTS, "", object)
    table[list(PORTS)] = list(PORTS.values())
    udp_table = table.copy()
    udp_table[list(_OF_UDP)] = list(_OF_UDP.values())
    return table, udp_table


def _by_port(flows: Records) -> npt.NDArray[np.object_]:
    table, udp_table = _tables()
    tcp, udp = flows["protocol"] == _TCP, flows["protocol"] == _UDP
    found = np.full(len(flows), "", object)
    found[tcp] = table[flows["dst_port"][tcp]]
    found[udp] = udp_table[flows["dst_port"][udp]]
    # Who began is not known where a capture sets in late: the port of the other side may be the known one.
    for which, known in ((tcp, table), (udp, udp_table)):
        open_yet = which & (found == "") & (flows["src_port"] < 1024)
        found[open_yet] = known[flows["src_port"][open_yet]]
    return found


class _Heads:
    """The first bytes of both directions of flows."""

    def __init__(self, flows: Records) -> None:
        self._bytes = flows["side"]["head"]
        self._lengths = flows["side"]["n_head"]
        self.tcp, self.udp = flows["protocol"] == _TCP, flows["protocol"] == _UDP
        self._ports = flows["src_port"], flows["dst_port"]

    def at(self, way: int, place: int) -> npt.NDArray[np.uint8]:
        """One byte of a direction, 0 where there is none."""
        found: npt.NDArray[np.uint8] = self._bytes[:, way, place]
        return found

    def begins(self, way: int, word: bytes, place: int = 0) -> Bools:
        there: Bools = self._lengths[:, way] >= place + len(word)
        for k, value in enumerate(word):
            there &= self.at(way, place + k) == value
            if not there.any():
                break
        return there

    def either(self, *words: bytes, place: int = 0) -> Bools:
        found = np.zeros(len(self.tcp), np.bool_)
        for word in words:
            found |= self.begins(0, word, place) | self.begins(1, word, place)
        return found

    def length(self, way: int) -> npt.NDArray[np.uint32]:
        found: npt.NDArray[np.uint32] = self._lengths[:, way]
        return found

    def port(self, *numbers: int) -> Bools:
        return np.isin(self._ports[0], numbers) | np.isin(self._ports[1], numbers)

    def any_of(self, test: Callable[[_Heads, int], Bools]) -> Bools:
        return test(self, 0) | test(self, 1)


def _is_tls(heads: _Heads, way: int) -> Bools:
    record = np.isin(heads.at(way, 0), (0x14, 0x15, 0x16, 0x17)) & (heads.at(way, 1) == 3)
    found: Bools = record & (heads.at(way, 2) <= 4) & (heads.length(way) >= 5)
    return found


def _is_dns(heads: _Heads, way: int) -> Bools:
    few = (heads.at(way, 4) == 0) & (heads.at(way, 5) <= 16) & (heads.at(way, 6) == 0)
    found: Bools = few & (heads.length(way) >= 12) & (heads.at(way, 2) & 0x70 == 0)
    return found


def _is_dns_over_tcp(heads: _Heads, way: int) -> Bools:
    few = (heads.at(way, 6) == 0) & (heads.at(way, 7) <= 16)
    found: Bools = few & (heads.length(way) >= 14) & (heads.at(way, 4) & 0x70 == 0)
    return found


def _is_telnet(heads: _Heads, way: int) -> Bools:
    found: Bools = (heads.at(way, 0) == 0xFF) & (heads.at(way, 1) >= 0xFB) & (heads.length(way) >= 3)
    return found


def _is_modbus(heads: _Heads, way: int) -> Bools:
    found: Bools = (heads.at(way, 2) == 0) & (heads.at(way, 3) == 0) & (heads.length(way) >= 8)
    return found


def _is_ntp(heads: _Heads, way: int) -> Bools:
    return (heads.at(way, 0) & 7 >= 1) & (heads.length(way) >= 48)


def _is_dhcp(heads: _Heads, way: int) -> Bools:
    found: Bools = np.isin(heads.at(way, 0), (1, 2)) & (heads.at(way, 1) == 1) & (heads.length(way) >= 64)
    return found


def _is_coap(heads: _Heads, way: int) -> Bools:
    found: Bools = (heads.at(way, 0) >> 6 == 1) & (heads.length(way) >= 4)
    return found


def _is_quic(heads: _Heads, way: int) -> Bools:
    found: Bools = (heads.at(way, 0) & 0xC0 == 0xC0) & (heads.length(way) >= 20)
    return found


def _by_content(flows: Records) -> list[tuple[str, Bools]]:
    """What first bytes say, the surer the later."""
    heads = _Heads(flows)
    tcp, udp = heads.tcp, heads.udp
    kinds = flows["kinds"]
    greeting = heads.either(b"220 ", b"220-")
    dns = heads.any_of(_is_dns) & udp
    return [
        ("quic", udp & heads.port(443, 80, 8443) & heads.any_of(_is_quic)),
        ("modbus", tcp & heads.port(502) & heads.any_of(_is_modbus)),
        ("telnet", tcp & heads.any_of(_is_telnet)),
        ("mdns", dns & heads.port(5353)),
        ("llmnr", dns & heads.port(5355)),
        ("dns", (dns & heads.port(53)) | (tcp & heads.port(53) & heads.any_of(_is_dns_over_tcp))),
        ("ntp", udp & heads.port(123) & heads.any_of(_is_ntp)),
        ("dhcp", udp & heads.port(67, 68) & heads.any_of(_is_dhcp)),
        ("snmp", udp & heads.port(161, 162) & heads.either(b"\x30")),
        ("coap", udp & heads.port(5683) & heads.any_of(_is_coap)),
        ("stun", udp & heads.either(b"\x21\x12\xa4\x42", place=4)),
        ("tls", tcp & heads.any_of(_is_tls)),
        ("http", tcp & ((kinds & 0b11000) > 0)),
        ("ssdp", udp & heads.either(b"M-SEARCH", b"NOTIFY *")),
        ("sip", heads.either(b"SIP/2.0", b"REGISTER sip", b"INVITE sip", b"OPTIONS sip")),
        ("mqtt", tcp & (heads.either(b"MQTT", b"MQIs", place=4) | heads.either(b"MQTT", b"MQIs", place=5))),
        ("ftp", tcp & ((greeting & heads.port(21)) | heads.either(b"USER ", b"PASS "))),
        ("pop3", tcp & heads.either(b"+OK")),
        ("imap", tcp & heads.either(b"* OK")),
        ("smtp", tcp & ((greeting & heads.port(25, 465, 587)) | heads.either(b"EHLO ", b"HELO "))),
        ("rdp", tcp & (heads.either(b"\xe0", b"\xd0", place=5) & heads.either(b"\x03\x00"))),
        ("smb", tcp & heads.either(b"\xffSMB", b"\xfeSMB", place=4)),
        ("vnc", tcp & heads.either(b"RFB 00")),
        ("bittorrent", heads.either(b"\x13BitTorrent")),
        ("redis", tcp & heads.port(6379) & heads.either(b"*", b"+PONG", b"$")),
        ("ssh", tcp & heads.either(b"SSH-")),
    ]  # fmt: skip
