#!/usr/bin/env python3
"""Serves two SiP functions: 0xC2000000 adds x1 and x2, 0xC2000001 gives x1 to x4 back."""

import os, socket, struct, sys

MAGIC, VERSION, ARGUMENTS = b"SWBDCALL", 1, 4
NOT_SUPPORTED = [0xFFFF_FFFF_FFFF_FFFF]


def answer(function, x):
    """The results, x0 first; `x` holds x1 and so on."""
    if function == 0xC200_0000:
        return [(x[0] + x[1]) & 0xFFFF_FFFF_FFFF_FFFF]
    if function == 0xC200_0001:
        return [0, *x]
    return NOT_SUPPORTED


def serve(monitor):
    def frame(kind, fields):
        monitor.sendall(struct.pack("<IB", 1 + len(fields), kind) + fields)

    stream = monitor.makefile("rb")
    frame(1, MAGIC + struct.pack("<HB", VERSION, ARGUMENTS))
    while header := stream.read(5):
        length, kind = struct.unpack("<IB", header)
        fields = stream.read(length - 1)
        if kind == 2 and fields[:10] == MAGIC + struct.pack("<H", VERSION):
            continue
        sequence, function, cpu, conduit, *x = struct.unpack(f"<QIIB{ARGUMENTS}Q", fields)
        results = answer(function, x)
        registers = (1 << len(results)) - 1
        frame(4, struct.pack(f"<QI{len(results)}Q", sequence, registers, *results))


if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
os.umask(0o177)  # the socket is its owner's alone
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    try:
        with listener.accept()[0] as monitor:
            serve(monitor)
    except (OSError, struct.error) as error:
        print(error, file=sys.stderr)
