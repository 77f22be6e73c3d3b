"""The protocol as others speak it: a receiver and a source that are written from its description."""

import json
import os
import struct
import time

from conftest import Progress, port, until
from protocol import Receiver, Source, answer, offered, session, tags, value
from test_hostile_receiver import Offering


def test_a_receiver(place):
    offering = Offering(place)
    until("the tag", lambda: offering.receiver.tags(offering.offer)[1] == ["cam"])
    assert offering.receiver.tags(offering.offer)[0] > 0
    cursor, counts = "", []
    while len(counts) < 20:
        found = offering.receiver.value(offering.offer, "cam", after=cursor)
        if found:
            head, data, cursor = found
            assert head[1] == [b"uint8"] and head[4] in ([8], [b"\x08"]) and head[5] == [8]
            counts.append(int.from_bytes(data, "little"))
    assert counts == sorted(set(counts)), "each is newer than the one before"
    offering.session.close()


def test_a_receiver_of_parts(place):
    offering, length = Offering(place), 3 << 20
    place.writer(offering.store, "cam_large", hz=5, length=length)
    until("the tag", lambda: "cam_large" in offering.receiver.tags(offering.offer)[1])
    cursor, counts = "", []
    while len(counts) < 5:
        found = offering.receiver.value(offering.offer, "cam_large", after=cursor, f9=300_000)
        if found:
            _, data, cursor = found
            assert len(data) == length and data[8:] == b"." * (length - 8)
            counts.append(int.from_bytes(data[:8], "little"))
    assert counts == sorted(set(counts)), "each is newer than the one before"
    offering.session.close()


def test_a_source(place):
    store, endpoint = place.store("desk"), f"tcp/127.0.0.1:{port()}"
    place.mirror(store, "--take", "depth", "--prefix", "robot.", "--listen", endpoint)
    place.status(store)
    to = session(connect=endpoint)

    def values(tag, question):
        number = question[2][0]
        time.sleep(0.02)
        data = struct.pack("<4f", *[number] * 4)
        return [(value(data, dtype="float32", shape=(2, 2), version=number, attributes='{"unit": "m"}'), answer(cursor=f"{number}"))]

    def list_of(question):
        if question.get(1):
            time.sleep(1)
            return [tags(0)]
        return [tags(1, offered("depth", nbytes=16))]

    source = Source(to, "python-0", list_of, values)
    Progress(place, store, "robot.depth").goes_on()
    stat = json.loads(place.ndsharray(store, "stat", "robot.depth", "--json"))
    assert "mirror://robot/depth" in json.dumps(stat)
    shown = place.ndsharray(store, "show", "robot.depth").decode()
    assert "unit" in shown and "shape 2,2" in shown, shown
    source.end()
    until("the tag goes with its source", lambda: "robot.depth" not in place.tags(store))
    to.close()


def test_a_router_in_between(place):
    """As docs/hosts.md has it: nobody but the router listens."""
    import zenoh

    config = zenoh.Config()
    endpoint = f"tcp/127.0.0.1:{port()}"
    config.insert_json5("mode", '"router"')
    config.insert_json5("listen/endpoints", f'["{endpoint}"]')
    config.insert_json5("scouting/multicast/enabled", "false")
    with zenoh.open(config):
        robot, desk = place.store("robot"), place.store("desk")
        place.writer(robot, "cam")
        client = os.path.join(place.root, "client.json5")
        with open(client, "w") as file:
            file.write('{ mode: "client" }')
        place.mirror(robot, "--offer", "cam", "--connect", endpoint, "--zenoh-config", client)
        place.mirror(desk, "--take", "cam", "--connect", endpoint, "--zenoh-config", client)
        Progress(place, desk, "cam").goes_on()
        receivers = until("a receiver", lambda: place.status(robot)["offered"]["receivers"])
        assert len(receivers) == 1 and receivers[0]["values"] > 0
