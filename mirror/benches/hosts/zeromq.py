"""ZeroMQ with CONFLATE, which keeps the last message only: a pair of sockets for each tag.

zeromq.py source DIR TAGS, or zeromq.py sink ADDRESS TAGS SECONDS
"""

import json
import os
import struct
import sys
import threading
import time

import zmq

PORT = 7510


def source(directory, tags):
    import ndsharray

    store = ndsharray.Store(directory)

    def publish(number):
        socket = zmq.Context.instance().socket(zmq.PUSH)
        socket.setsockopt(zmq.CONFLATE, 1)
        socket.bind(f"tcp://*:{PORT + number}")
        reader = store.reader(f"cam{number}", wait=10)
        while True:
            value = reader.wait()
            if value is not None:
                socket.send(struct.pack("<Q", value.written_at_ns) + value.array.tobytes())

    for number in range(tags):
        threading.Thread(target=publish, args=[number]).start()


def sink(address, tags, seconds):
    end = time.monotonic() + seconds
    poller, ages = zmq.Poller(), []
    for number in range(tags):
        socket = zmq.Context.instance().socket(zmq.PULL)
        socket.setsockopt(zmq.CONFLATE, 1)
        socket.connect(f"tcp://{address}:{PORT + number}")
        poller.register(socket, zmq.POLLIN)
    while (left := end - time.monotonic()) > 0:
        for socket, _ in poller.poll(left * 1000):
            message = socket.recv()
            ages.append((time.time_ns() - struct.unpack_from("<Q", message)[0]) / 1e6)
    ages.sort()
    at = lambda share: ages[int(len(ages) * share)] if ages else None
    print(json.dumps({"delivered": len(ages) / tags, "median_ms": at(0.5), "p99_ms": at(0.99)}), flush=True)
    # The sockets still wait for messages.
    os._exit(0)


if sys.argv[1] == "source":
    source(sys.argv[2], int(sys.argv[3]))
else:
    sink(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
