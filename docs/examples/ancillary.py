#!/usr/bin/env python3
"""An example for the command driver: ancillary data (SMPTE ST 2110-40, RFC 8331), which GStreamer 1.22 cannot carry.

As a sender it sends one packet for each frame that says "nothing in this one", as a real sender does when it is idle:

    [[senders]]
    format = "data"
    media_type = "video/smpte291"
    driver = "command"
    command = { argv = ["/usr/share/doc/nmos-appliance/examples/ancillary.py"], ready = "running" }

As a receiver it notes each packet in a file, as a line of JSON:

    [[receivers]]
    format = "data"
    media_types = ["video/smpte291"]
    driver = "command"
    command = { argv = ["ancillary.py", "/var/lib/nmos-appliance/ancillary"], ready = "running", sockets = true }

Only Python's standard library is used. docs/integrators.md says what a program is told.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from fractions import Fraction
from pathlib import Path

CLOCK_RATE = 90_000
RTP = struct.Struct("!BBHII")  # RFC 3550 section 5.1
ANCILLARY = struct.Struct("!HHBBH")  # RFC 8331 section 2.1: extended sequence number, length, ANC_Count, F and reserved


def send(job):
    sockets = [(sending_socket(leg), (leg["destination_ip"], leg["port"])) for leg in job["legs"]]
    frame = 1 / Fraction(job["video"]["grain_rate"])
    source = int.from_bytes(os.urandom(4), "big")
    begin = time.monotonic()
    print("running", flush=True)
    number = 0
    while True:
        time.sleep(max(0.0, begin + float(number * frame) - time.monotonic()))
        timestamp = int(number * frame * CLOCK_RATE) & 0xFFFFFFFF
        header = RTP.pack(0x80, 0x80 | job["payload_type"], number & 0xFFFF, timestamp, source)
        for sending, destination in sockets:
            sending.sendto(header + ANCILLARY.pack((number >> 16) & 0xFFFF, 0, 0, 0, 0), destination)
        number += 1


def sending_socket(leg):
    """Bound to the address that the Connection API says, and to the interface."""
    sending = socket.socket(socket.AF_INET6 if ":" in leg["interface_ip"] else socket.AF_INET, socket.SOCK_DGRAM)
    # Other senders of the box send from the same port.
    sending.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    index = socket.if_nametoindex(leg["interface"])
    if sending.family == socket.AF_INET6:
        sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, leg["ttl"])
    else:
        sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
        sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, leg["ttl"])
    sending.bind((leg["interface_ip"], leg["source_port"] or 0))
    return sending


def receive(job, path):
    """From the sockets that the box has opened; the groups are joined already."""
    legs = [socket.socket(fileno=int(os.environ[f"NMOS_LEGS_{leg}_FD"])) for leg in range(len(job["legs"]))]
    print("running", flush=True)
    with Path(path).open("a", encoding="utf-8") as noted:
        while True:
            for leg in select.select(legs, [], [])[0]:
                packet = leg.recv(9216)
                if len(packet) < RTP.size + ANCILLARY.size:
                    print(f"a packet of {len(packet)} octets is too short", file=sys.stderr)
                    continue
                _, _, sequence, timestamp, _ = RTP.unpack_from(packet)
                high, _, count, _, _ = ANCILLARY.unpack_from(packet, RTP.size)
                line = {"leg": legs.index(leg), "number": high << 16 | sequence, "timestamp": timestamp, "count": count}
                print(json.dumps(line), file=noted, flush=True)


def main():
    job = json.load(sys.stdin)
    if job["role"] == "sender":
        send(job)
    else:
        receive(job, sys.argv[1])


if __name__ == "__main__":
    main()
