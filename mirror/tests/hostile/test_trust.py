"""Certificates, with the commands and files of docs/hosts.md as they stand there. It needs the name `robot` to be this host, as ci/mirror_hostile.sh
makes it."""

import os
import re
import socket
import subprocess
import time

import pytest
from conftest import Progress, port, until

DOCS = os.path.join(os.path.dirname(__file__), "../../../docs/hosts.md")


def blocks(language):
    with open(DOCS) as text:
        section = text.read().split("\n## Certificates\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def certificates(place, monkeypatch):
    """The directory with all that the page makes."""
    try:
        here = socket.gethostbyname("robot") == "127.0.0.1"
    except OSError:
        here = False
    if not here:
        pytest.skip("robot is not a name of this host")
    directory = place.store("certificates")
    for commands in blocks("sh"):
        subprocess.run(["bash", "-euc", commands], cwd=directory, check=True, capture_output=True, timeout=60)
    for name, text in zip(["robot.json5", "desk.json5"], blocks("json5"), strict=True):
        with open(os.path.join(directory, name), "w") as file:
            file.write(text)
    monkeypatch.chdir(directory)
    return directory


class Robot:
    def __init__(self, place, config="robot.json5"):
        self.store = place.store("robot")
        place.writer(self.store, "cam")
        self.port = port()
        self.mirror = place.mirror(self.store, "--offer", "cam*", "--listen", f"tls/0.0.0.0:{self.port}", "--zenoh-config", config)


def taken(place, robot, config, host="robot", store="desk"):
    desk = place.store(store)
    mirror = place.mirror(desk, "--take", "cam*", "--connect", f"tls/{host}:{robot.port}", "--zenoh-config", config)
    return mirror, Progress(place, desk, "cam")


def is_refused(place, mirror, progress):
    until("it says so", lambda: "no mirror answers" in place.said(mirror))
    time.sleep(1)
    assert progress.count() == 0 and mirror.poll() is None


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


def test_mutual_tls_as_it_is_documented(place, certificates):
    robot = Robot(place)
    taken(place, robot, "desk.json5")[1].goes_on()
    assert "is open" not in place.said(robot.mirror)


def test_who_has_no_certificate_is_refused(place, certificates):
    robot = Robot(place)
    write("none.json5", '{ transport: { link: { tls: { root_ca_certificate: "ca.pem" } } } }')
    is_refused(place, *taken(place, robot, "none.json5"))
    # The good one still comes.
    taken(place, robot, "desk.json5", store="other")[1].goes_on()


def test_a_certificate_of_another_authority_is_refused(place, certificates):
    robot = Robot(place)
    foreign = place.store("foreign")
    for commands in blocks("sh"):
        subprocess.run(["bash", "-euc", commands], cwd=foreign, check=True, capture_output=True, timeout=60)
    with open("desk.json5") as file:
        text = file.read()
    write("foreign.json5", text.replace('"desk.', f'"{foreign}/desk.'))
    is_refused(place, *taken(place, robot, "foreign.json5"))


def test_a_wrong_name_is_refused(place, certificates):
    robot = Robot(place)
    is_refused(place, *taken(place, robot, "desk.json5", host="localhost"))


def test_plain_tcp_is_refused_by_a_listener_of_tls(place, certificates):
    robot = Robot(place)
    desk = place.store("desk")
    mirror = place.mirror(desk, "--take", "cam*", "--connect", f"tcp/robot:{robot.port}")
    is_refused(place, mirror, Progress(place, desk, "cam"))


def test_tls_without_certificates_of_clients_says_that_it_is_open(place, certificates):
    with open("robot.json5") as file:
        text = file.read()
    assert "enable_mtls: true," in text
    write("open.json5", text.replace("enable_mtls: true,", ""))
    robot = Robot(place, "open.json5")
    until("it says so", lambda: "is open" in place.said(robot.mirror))
    write("none.json5", '{ transport: { link: { tls: { root_ca_certificate: "ca.pem" } } } }')
    taken(place, robot, "none.json5")[1].goes_on()


def test_a_configuration_opens_no_other_port(place, certificates):
    """Zenoh's own default listens everywhere, and its lease is 10 s."""
    robot = Robot(place)
    mirror, progress = taken(place, robot, "desk.json5")
    progress.goes_on()
    sockets = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, timeout=30, check=False).stdout
    if "pid=" not in sockets:
        pytest.skip("ss does not say whose sockets they are")
    assert f"pid={robot.mirror.pid}," in sockets
    assert f"pid={mirror.pid}," not in sockets
