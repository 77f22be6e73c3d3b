"""A mirror that takes tags, and hosts that send it what they must not. The good tag of another host goes on meanwhile."""

import struct
import time

import pytest
from conftest import Progress, cpu, port, until, used
from protocol import ROOT, Source, answer, answer_of, encode, encoded, offered, session, tags, value

GOOD = answer(cursor="1-1")


class Taking:
    """A mirror that takes `x*` and `good`, a good host, and a session for those who are not."""

    def __init__(self, place, *args, good=True):
        self.place = place
        self.store = place.store("desk")
        self.endpoint = f"tcp/127.0.0.1:{port()}"
        sizes = ["--max-size", "1M", "--max-tags", "100", "--max-total", "64M"]
        self.mirror = place.mirror(self.store, "--take", "x*", "--take", "good", "--listen", self.endpoint, *sizes, *args)
        place.status(self.store)
        if good:
            self.good()
        self.session = session(connect=self.endpoint)

    def good(self):
        robot = self.place.store("robot")
        self.place.writer(robot, "good")
        self.place.mirror(robot, "--offer", "good", "--connect", self.endpoint)
        self.progress = Progress(self.place, self.store, "good")
        self.progress.goes_on()

    def error(self, tag):
        return until(f"an error for {tag}", lambda: self.place.taken(self.store).get(tag, {}).get("error"))

    def check(self, most_mib=300):
        """It lives, the good tag goes on, nothing else was written, and it is not large."""
        assert self.mirror.poll() is None
        self.progress.goes_on()
        assert list(self.place.tags(self.store)) == ["good"]
        mib, threads = used(self.mirror)
        assert mib < most_mib and threads < 300, (mib, threads)


@pytest.fixture
def taking(place):
    made = []

    def make(*args, **of):
        made.append(Taking(place, *args, **of))
        return made[0]

    yield make
    for taking in made:
        taking.session.close()


def one_list(*entries):
    return lambda question: [tags(1, *entries)] if question.get(1, [0])[0] != 1 else slowly()


def slowly():
    time.sleep(1)
    return [tags(0)]


def framed(packed, data=b""):
    return struct.pack("<I", len(packed)) + packed + data


EVIL_VALUES = {
    "length": (b"\xff\xff\xff\xff" + b"x" * 100, GOOD),
    "length_left": (struct.pack("<I", 5000) + b"x" * 100, GOOD),
    "short": (b"\x01\x00", GOOD),
    "garbage": (framed(b"\xff" * 64), GOOD),
    "deep": (framed(b"\x0b" * 4000), GOOD),
    "empty_head": (framed(b"", b"12345678"), GOOD),
    "nbytes": (value(nbytes=7), GOOD),
    "nbytes_huge": (value(nbytes=2**64 - 1), GOOD),
    "cut": (value()[:-1], GOOD),
    "more": (value() + b"1", GOOD),
    "many": (value() + value(version=2), GOOD),
    "too_many": (b"".join(value(b"", version=version + 1) for version in range(20_000)), GOOD),
    "too_large": (value(b"x" * (1 << 20) + b"x"), GOOD),
    "shape_63": (value(b"", shape=(2**63,), nbytes=2**63), GOOD),
    "shape_64": (value(b"", shape=(2**64 - 1,), nbytes=2**64 - 1), GOOD),
    "shape_wraps": (value(b"", shape=(2**32, 2**32), nbytes=0), GOOD),
    "shape_wraps_8": (value(b"", dtype="float64", shape=(2**61,), nbytes=0), GOOD),
    "shape_zero": (value(b"", shape=(0, 2**63, 2**63), nbytes=8), GOOD),
    "axes": (value(b"x", shape=(1,) * 65), GOOD),
    "dtype_none": (value(dtype=""), GOOD),
    "dtype_object": (value(dtype="O"), GOOD),
    "dtype_unknown": (value(dtype="q" * 300), GOOD),
    "dtype_control": (value(dtype="\x1b[2J"), GOOD),
    "descr_huge": (value(dtype="mine", descr="[('a', '<f8')]", itemsize=2**63, shape=(1,)), GOOD),
    "descr_deep": (value(dtype="mine", descr="[('a', " * 500 + "'<f8'" + ")]" * 500, itemsize=8, shape=(1,)), GOOD),
    "descr_long": (value(dtype="mine", descr="[('" + "a" * 7000 + "', '<f8')]", itemsize=8, shape=(1,)), GOOD),
    "attributes": (value(attributes="{"), GOOD),
    "attributes_list": (value(attributes="[1]"), GOOD),
    "attributes_deep": (value(attributes='{"a":' + "[" * 1000 + "]" * 1000 + "}"), GOOD),
    "attributes_long": (value(attributes='{"a": "' + "x" * 2048 + '"}'), GOOD),
    "user_data": (value(user_data=b"x" * 2049), GOOD),
    "no_attachment": (value(), None),
    "attachment": (value(), b"\xff" * 100),
    "attachment_long": (value(), b"x" * (1 << 20)),
    "cursor_long": (value(), answer(cursor="x" * 3000)),
    "too_much": (value(), answer_of(1 << 30, cursor="1-1")),
    "too_little": (value(), answer_of(1, cursor="1-1")),
    "ends_early": (value(b"x" * (1 << 19))[: 40 << 10], answer_of((1 << 19) + 50, cursor="1-1")),
    "error": (b"", answer(error="\x1b]0;owned\x07\r\n" * 100)),
}


def test_no_wrong_value_is_written(taking):
    taking = taking()
    source = Source(
        taking.session,
        "evil-0",
        one_list(*(offered(f"x_{name}") for name in EVIL_VALUES)),
        lambda tag, question: [EVIL_VALUES[tag.removeprefix("x_")]],
    )
    errors, end = {}, time.monotonic() + 30
    while set(errors) != set(EVIL_VALUES):
        found = taking.place.taken(taking.store)
        errors |= {name: found[f"x_{name}"]["error"] for name in EVIL_VALUES if found.get(f"x_{name}", {}).get("error")}
        assert time.monotonic() < end, set(EVIL_VALUES) - set(errors)
    assert not any(ord(c) < 32 or ord(c) == 127 for error in errors.values() for c in error), errors
    assert max(len(error) for error in errors.values()) < 400, errors
    assert not source.wrong
    taking.check()
    assert "\x1b" not in taking.place.said(taking.mirror)


def test_no_wrong_rest_is_taken(taking):
    """Parts that are none, too short, too long, or late; a good one among them arrives."""
    taking = taking()
    whole = value(bytes(range(256)) * 1200, shape=(1200, 256))

    def values(tag, question):
        return [(whole[: question[9][0]], answer_of(len(whole), cursor="1-1"))]

    def rests(tag, question):
        start, most = question[3][0], question[4][0]
        part = whole[start : start + most]
        if tag == "x_late":
            time.sleep(30)
        wrong = {"x_none": [], "x_empty": [b""], "x_short": [part[:-1]], "x_long": [part + b"x"], "x_one": [b"x"]}
        return wrong.get(tag, [part])

    names = ["x_none", "x_empty", "x_short", "x_long", "x_one", "x_late"]
    Source(taking.session, "evil-0", one_list(*(offered(name) for name in [*names, "x_good"])), values, rests_of=rests)
    for name in names:
        taking.error(name)
    until("the good one", lambda: "x_good" in taking.place.tags(taking.store))
    assert taking.place.ndsharray(taking.store, "cat", "x_good") == bytes(range(256)) * 1200
    assert set(taking.place.tags(taking.store)) == {"good", "x_good"}
    taking.progress.goes_on()


def test_names_are_checked(taking):
    taking = taking("--take", "*")
    names = ["../x", ".x", "x/y", "x" * 201, "x\n", "x\x1b[2J", "", ".", "..", "ndsharray-mirror-1", "x" * 1_000_000, "/dev/shm/x"]
    names += ["x_0b5f4ab2-6c1c-4d0b-9d6a-2b5a1e0f3c4d", "x\0"]
    Source(
        taking.session, "evil-0", one_list(*(offered(name) for name in names)), lambda tag, question: [(value(), GOOD)]
    )
    until("errors", lambda: sum(bool(tag["error"]) for tag in taking.place.taken(taking.store).values()) >= 8)
    time.sleep(1)
    store = set(taking.place.tags(taking.store))
    # A name that looks like a data file is a tag's name as others are, if it is one.
    assert store <= {"good", "x_0b5f4ab2-6c1c-4d0b-9d6a-2b5a1e0f3c4d"}, store
    assert "\x1b" not in taking.place.said(taking.mirror)
    listed = taking.place.ndsharray(taking.store, "ls", "--json").decode()
    assert '"ndsharray-mirror-1"' not in listed


def test_what_was_not_asked_for_is_not_taken(taking):
    taking = taking()
    source = Source(
        taking.session, "evil-0", one_list(offered("y"), offered("camera"), offered("xx")), lambda tag, question: [(value(), GOOD)]
    )
    until("xx", lambda: "xx" in taking.place.tags(taking.store))
    assert set(taking.place.tags(taking.store)) == {"good", "xx"}
    assert set(source.asked) == {"tags", "value/xx"}


@pytest.mark.parametrize(
    "payload",
    [
        tags(1, *[b""] * 2_000_000),
        tags(1, *(offered(f"x{number}") for number in range(100_000))),
        tags(1, *(offered(f"x{number}", nbytes=2**64 - 1, history=2**32 - 1) for number in range(5000))),
        b"\xff" * 1_000_000,
        b"\x0b" * 4_000_000,
        encode((2, b"\x0b" * 100_000)),
    ],
    ids=["empty", "many", "more_than_may_be", "garbage", "deep", "deep_inside"],
)
def test_lists_are_bounded(taking, payload):
    taking = taking()
    source = Source(taking.session, "evil-0", lambda question: [payload], lambda tag, question: slowly())
    until("three questions", lambda: source.asked.get("tags", 0) >= 3)
    status = taking.place.status(taking.store)["taken"]
    assert len(status["tags"]) < 200
    taking.check()


def test_a_list_that_always_changes_is_not_asked_for_all_the_time(taking):
    taking = taking()
    source = Source(
        taking.session, "evil-0", lambda question: [tags(question.get(1, [0])[0] + 1, offered("x1"))], lambda tag, question: [(b"", answer())]
    )
    until("questions", lambda: source.asked.get("value/x1"))
    before, used_before = dict(source.asked), cpu(taking.mirror)
    time.sleep(3)
    for what in ["tags", "value/x1"]:
        assert source.asked[what] - before[what] <= 60, what
    assert cpu(taking.mirror) - used_before < 1.5
    taking.check()


def test_answers_that_are_none(taking):
    """Of another key, several to one question, after the time, errors, of somebody else."""
    taking = taking("--max-rate", "x*=20")
    sent = []

    def values(tag, question):
        number = question[2][0]
        if tag == "x_several":
            sent.append(number)
            return [(value(struct.pack("<Q", number * 1000 + answered), version=number), GOOD) for answered in range(50)]
        if tag == "x_never":
            time.sleep(40)
        return [(value(version=number), GOOD)]

    Source(taking.session, "evil-0", one_list(offered("x_several"), offered("x_never")), values)
    foreign = Source(
        taking.session, "evil-1", one_list(offered("x_foreign")), lambda tag, question: [(value(), GOOD)], key=f"{ROOT}/evil-2/ask/value/other"
    )
    until("several", lambda: "x_several" in taking.place.tags(taking.store))
    until("no answer", lambda: "does not answer" in (taking.place.taken(taking.store).get("x_never", {}).get("error") or ""))
    assert foreign.asked.get("tags")
    assert set(taking.place.tags(taking.store)) == {"good", "x_several"}
    mib, threads = used(taking.mirror)
    assert mib < 300 and threads < 300


def test_numbers_at_their_ends(taking):
    """They are allowed, and do no harm."""
    taking = taking("--every", "x_every")
    last = 2**64 - 1

    def values(tag, question):
        number = question[2][0]
        time.sleep(0.05)
        version = 0 if number % 2 else last
        data = value(b"\0" * 8, version=version, origin=(number - 1) // 2)
        data = data.replace(struct.pack("<Q", 1_700_000_000_000_000_000), struct.pack("<Q", last))
        return [(data, answer(waited=last, cursor="1-1", missed=last))]

    entries = [offered("x_latest", nbytes=last), offered("x_every", nbytes=last, history=2**32 - 1)]
    Source(taking.session, "evil-0", one_list(*entries), values)
    until("both", lambda: {"x_latest", "x_every"} <= set(taking.place.tags(taking.store)))
    until("skipped", lambda: taking.place.taken(taking.store).get("x_latest", {}).get("skipped") == last)
    assert taking.place.taken(taking.store)["x_every"]["values"] > 2
    taking.progress.goes_on()
    assert used(taking.mirror)[0] < 300


def test_all_together_may_use_so_much(taking):
    taking = taking()
    data = b"x" * (900 << 10)
    Source(
        taking.session,
        "evil-0",
        one_list(*(offered(f"x{number}") for number in range(90))),
        lambda tag, question: [(value(data, version=question[2][0]), GOOD)] if question[2][0] < 4 else slowly_nothing(),
    )
    until("one that is too much", lambda: any("all together" in (tag["error"] or "") for tag in taking.place.taken(taking.store).values()))
    time.sleep(2)
    memory = sum(entry.get("memory", entry.get("memory_bytes", 0)) for entry in taking.place.tags(taking.store).values())
    assert memory <= 66 << 20, memory
    taking.progress.goes_on()
    # What is under way is not in the store: each tag has one answer.
    assert used(taking.mirror)[0] < 400


def slowly_nothing():
    time.sleep(1)
    return [(b"", answer())]


def test_a_tag_of_this_host_stays(taking):
    taking = taking()
    taking.place.writer(taking.store, "x_mine", length=16)
    until("mine", lambda: "x_mine" in taking.place.tags(taking.store))
    Source(taking.session, "evil-0", one_list(offered("x_mine")), lambda tag, question: [(value(version=question[2][0]), GOOD)])
    assert "writer in this store" in taking.error("x_mine")
    assert len(taking.place.ndsharray(taking.store, "cat", "x_mine")) == 16


def test_floods_of_offers(taking):
    taking = taking(good=False)
    tokens = []
    liveliness = taking.session.liveliness()
    for number in range(5000):
        tokens.append(liveliness.declare_token(f"{ROOT}/evil-{number}/alive/{encoded(chr(27) + 'robot')}"))
    for number in range(50):
        tokens.append(liveliness.declare_token(f"{ROOT}/{'e' * 20_000}{number}/alive/{'r' * 20_000}"))
    tokens.append(liveliness.declare_token(f"{ROOT}/evil/alive/%ff"))
    time.sleep(2)
    # One that comes after all of them.
    taking.good()
    taking.check()
    hosts = taking.place.status(taking.store)["taken"]["hosts"]
    assert len(hosts) <= 256 and not any(chr(27) in host for host in hosts)
    assert all(len(host) <= 255 for host in hosts)


def test_offers_that_come_and_go(taking):
    taking = taking()
    for number in range(2000):
        token = taking.session.liveliness().declare_token(f"{ROOT}/evil-{number}/alive/robot")
        token.undeclare()
    taking.check()
