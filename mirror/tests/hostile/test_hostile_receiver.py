"""A mirror that offers tags, and hosts that ask it for what they must not have. A good receiver goes on meanwhile."""

import threading
import time

import pytest
import zenoh
from conftest import Progress, port, until, used
from protocol import ROOT, Receiver, decode, encode, encoded, session


class Offering:
    def __init__(self, place):
        self.place = place
        self.store = place.store("robot")
        place.writer(self.store, "cam")
        place.writer(self.store, "secret")
        self.endpoint = f"tcp/127.0.0.1:{port()}"
        # What was taken, and the status of a mirror: not offered, whatever the pattern says.
        place.writer(self.store, "cam_taken", "--source", "mirror://other/cam")
        place.writer(self.store, "ndsharray-mirror-1")
        patterns = ["--offer", "cam*", "--offer", "ndsharray*"]
        self.mirror = place.mirror(self.store, *patterns, "--listen", self.endpoint)
        until("it listens", self.listens)
        self.session = session(connect=self.endpoint)
        self.receiver = Receiver(self.session)
        self.offer = next(iter(until("an offer", self.receiver.offers)))

    def listens(self):
        import socket

        with socket.socket() as to:
            return to.connect_ex(("127.0.0.1", int(self.endpoint.rsplit(":", 1)[1]))) == 0

    def good(self):
        desk = self.place.store("desk")
        self.place.mirror(desk, "--take", "cam", "--connect", self.endpoint)
        return Progress(self.place, desk, "cam")

    def check(self, most_mib=300):
        assert self.mirror.poll() is None
        mib, threads = used(self.mirror)
        assert mib < most_mib and threads < 300, (mib, threads)


@pytest.fixture
def offering(place):
    offering = Offering(place)
    yield offering
    offering.session.close()


def test_only_what_is_named_is_offered(offering):
    until("the tag", lambda: offering.receiver.tags(offering.offer)[1] == ["cam"])
    assert offering.receiver.value(offering.offer, "cam")[1][8:] == b""
    for tag in ["secret", "cam_taken", "ndsharray-mirror-1", "../cam", ".", "cam/x", "x" * 60_000, "cam\0", "*", "**"]:
        assert offering.receiver.value(offering.offer, tag, timeout=1) is None, tag
    question = encode((1, "evil"), (2, 1), (6, 1 << 30), (9, 1 << 30))
    for key in [
        f"{ROOT}/*/ask/value/*",
        f"{ROOT}/{offering.offer}/ask/**",
        f"{ROOT}/{offering.offer}/ask/value/*",
        f"{ROOT}/*/ask/value/cam",
        f"{ROOT}/*/ask/tags",
        f"{ROOT}/{offering.offer}/ask/value/%ff",
        f"{ROOT}/{offering.offer}/ask/value/%00",
        f"{ROOT}/{offering.offer}/ask/value/..%2Fcam",
        f"{ROOT}/{offering.offer}/ask/value/cam/x",
        f"{ROOT}/{offering.offer}/ask/value",
        f"{ROOT}/{offering.offer}/ask/x",
        "**",
    ]:
        assert offering.receiver.ask(key, question, timeout=1) == [], key
    offering.check()


def test_wrong_questions(offering):
    good = offering.good()
    good.goes_on()
    key = f"{ROOT}/{offering.offer}/ask/value/cam"
    for key in [key, f"{ROOT}/{offering.offer}/ask/tags"]:
        for question in [b"\xff" * 100, b"\x0b" * 1000, b"x" * (1 << 20), None, b"x" * (20 << 20)]:
            assert offering.receiver.ask(key, question, timeout=1) == []
    # Allowed, and harmless.
    for fields in [dict(f3="x" * 900), dict(f2=2**64 - 1, f4=1), dict(f2=0, f4=1), dict(f7=0), dict(f6=0), dict(f5=1, f3="1-1")]:
        offering.receiver.value(offering.offer, "cam", timeout=4, **fields)
    assert offering.receiver.value(offering.offer, "cam", f1="r" * 900, timeout=1) is None
    good.goes_on()
    offering.check()


def test_wrong_questions_for_the_rest(offering):
    length = 1 << 20
    offering.place.writer(offering.store, "cam_large", hz=1, length=length)
    until("it is there", lambda: "cam_large" in offering.receiver.tags(offering.offer)[1])
    good, receiver = offering.good(), offering.receiver
    key = f"{ROOT}/{offering.offer}/ask/value/cam_large"

    def begin():
        receiver.number += 1
        fields = encode((1, receiver.name), (2, receiver.number), (6, 1 << 30), (9, 1 << 16))
        payload, attachment = until("an answer", lambda: receiver.ask(key, fields))[0]
        assert len(payload) == 1 << 16
        about = decode(attachment)
        return about[5][0], about[6][0]

    (whole, answer), last = begin(), 2**64 - 1
    rest = lambda start, most, **of: receiver.rest(offering.offer, "cam_large", answer, start, most, timeout=1, **of)
    assert len(rest(1 << 16, 5000)) == 5000
    for start in [whole, whole + 1, 2**63, last]:
        assert rest(start, 1 << 16) is None, start
    for wrong in [dict(f1="somebody"), dict(f1="x" * 900), dict(f2=answer + 1), dict(f2=answer - 1), dict(f2=0), dict(f2=last)]:
        assert rest(1 << 16, 1 << 16, **wrong) is None, wrong
    for tag in ["secret", "cam"]:
        assert receiver.rest(offering.offer, tag, answer, 0, 1 << 16, timeout=1) is None
    # Again, and in any order, is harmless; and no part is shorter than it is worth, or longer than what is left.
    assert len(rest(0, last)) == whole and len(rest(whole - 1, 0)) == 1 and len(rest(0, 0)) == 1 << 10
    before = answer
    whole, answer = begin()
    assert rest(0, 1 << 16, f2=before) is None, "the answer before is gone"
    for number in range(5000):
        question = encode((1, receiver.name), (2, answer), (3, number), (4, 1 << 16))
        offering.session.get(f"{ROOT}/{offering.offer}/ask/rest/cam_large", lambda reply: None, payload=question, timeout=3)
    good.goes_on()
    assert receiver.value(offering.offer, "cam_large")[1][8:] == b"." * (length - 8)
    offering.check()


def test_many_answers_that_nobody_takes_to_their_end(offering):
    """Each has a place for its receiver, not one of those that all have."""
    offering.place.writer(offering.store, "cam_more", length=2000)
    until("it is there", lambda: "cam_more" in offering.receiver.tags(offering.offer)[1])
    good = offering.good()
    good.goes_on()
    value, rest = (f"{ROOT}/{offering.offer}/ask/{what}/cam_more" for what in ["value", "rest"])
    begun, answers = {}, lambda name: lambda reply: begun.setdefault(name, decode(reply.ok.attachment.to_bytes()).get(6)) if reply.ok else None
    for number in range(140):
        for question in [1, 2]:
            asked = encode((1, f"evil-{number}"), (2, question), (4, question - 1), (6, 1 << 30), (9, 1 << 10))
            offering.session.get(value, answers((number, question)), payload=asked, timeout=6)
    until("long answers", lambda: sum(bool(answer) for answer in begun.values()) > 200)
    for _ in range(3):
        for (number, _), answer in list(begun.items()):
            if answer:
                asked = encode((1, f"evil-{number}"), (2, answer[0]), (3, 0), (4, 1 << 10))
                offering.session.get(rest, lambda reply: None, payload=asked, timeout=6)
        good.goes_on()
        time.sleep(1.5)
    offering.check()


def test_each_value_for_those_who_never_say_that_it_arrived(offering):
    """What is kept for them has a limit of its own, also when one value wakes all of them."""
    offering.place.writer(offering.store, "cam_large", hz=2, length=4 << 20)
    until("it is there", lambda: "cam_large" in offering.receiver.tags(offering.offer)[1])
    good = offering.good()
    good.goes_on()
    key = f"{ROOT}/{offering.offer}/ask/value/cam_large"
    for _ in range(2):
        for number in range(700):
            question = encode((1, f"evil-{number}"), (2, 1), (5, 1), (6, 1 << 30), (9, 1 << 10))
            offering.session.get(key, lambda reply: None, payload=question, timeout=5)
        time.sleep(3)
        good.goes_on()
    assert offering.receiver.value(offering.offer, "cam") is not None
    offering.check(1500)


def test_answers_that_nobody_takes_to_their_end(offering):
    """They are kept for a while. What is kept has a limit, and good hosts go on."""
    offering.place.writer(offering.store, "cam_large", hz=20, length=32 << 20)
    until("it is there", lambda: "cam_large" in offering.receiver.tags(offering.offer)[1])
    good = offering.good()
    good.goes_on()
    key = f"{ROOT}/{offering.offer}/ask/value/cam_large"
    for number in range(300):
        question = encode((1, f"evil-{number}"), (2, 1), (6, 1 << 30), (9, 1 << 12))
        offering.session.get(key, lambda reply: None, payload=question, timeout=3)
        if number % 100 == 0:
            good.goes_on()
    good.goes_on()
    offering.check(1300)
    time.sleep(8)
    assert len(until("a good host's turn", lambda: offering.receiver.value(offering.offer, "cam_large"))[1]) == 32 << 20


def test_large_cursors_and_attachments(offering):
    good = offering.good()
    key = f"{ROOT}/{offering.offer}/ask/value/cam"
    question = encode((1, "evil"), (2, 1), (3, "c" * (1 << 20)), (6, 1 << 30), (9, 1 << 30))
    for _ in range(100):
        assert offering.receiver.ask(key, question, timeout=1) == []
    small = encode((1, "evil"), (2, 1), (6, 1 << 30), (9, 1 << 30))
    for _ in range(20):
        offering.receiver.ask(key, small, timeout=0.2, attachment=b"x" * (1 << 20))
    good.goes_on()
    offering.check()


def flood(offering, count, key, question):
    """So many questions, without waiting for their answers."""
    answered = []
    for number in range(count):
        offering.session.get(
            key(number), lambda reply: answered.append(reply), payload=question(number), timeout=3,
            congestion_control=zenoh.CongestionControl.BLOCK,
        )
    return answered


def test_floods_of_questions_with_new_names(offering):
    good = offering.good()
    good.goes_on()
    key = f"{ROOT}/{offering.offer}/ask/value/cam"
    for after in ["", "1-1"]:
        flood(
            offering, 10_000, lambda number: key,
            lambda number: encode((1, f"evil-{after}-{number}"), (2, 1), (3, after), (6, 1 << 30), (9, 1 << 30)),
        )
        good.goes_on()
    offering.check()
    time.sleep(4)
    good.goes_on()
    assert offering.receiver.value(offering.offer, "cam") is not None


def test_floods_of_one_name_and_of_lists(offering):
    good = offering.good()
    good.goes_on()
    listed, known = offering.receiver.tags(offering.offer)[0], 0
    flood(
        offering, 5000, lambda number: f"{ROOT}/{offering.offer}/ask/value/cam",
        lambda number: encode((1, "evil"), (2, number), (4, 1), (6, 1 << 30), (9, 1 << 30)),
    )
    good.goes_on()
    for known in [0, listed]:
        flood(offering, 5000, lambda number: f"{ROOT}/{offering.offer}/ask/tags", lambda number: encode((1, known)))
        good.goes_on()
    flood(
        offering, 5000, lambda number: f"{ROOT}/{offering.offer}/ask/value/{encoded('cam' + str(number))}",
        lambda number: encode((1, "evil"), (2, 1), (6, 1 << 30), (9, 1 << 30)),
    )
    good.goes_on()
    offering.check()


def test_a_receiver_that_takes_nothing(offering):
    """It asks and asks, and never looks at what comes."""
    offering.place.writer(offering.store, "cam_large", hz=5, length=4 << 20)
    until("it is there", lambda: "cam_large" in offering.receiver.tags(offering.offer)[1])
    good = offering.good()
    good.goes_on()
    stop = threading.Event()
    stalled = session(connect=offering.endpoint)

    def stall(reply):
        stop.wait(20)

    for number in range(500):
        question = encode((1, f"evil-{number}"), (2, 1), (6, 1 << 30), (9, 1 << 30))
        stalled.get(f"{ROOT}/{offering.offer}/ask/value/cam_large", stall, payload=question, timeout=15)
    time.sleep(8)
    good.goes_on()
    stop.set()
    offering.check(400)
    stalled.close()
