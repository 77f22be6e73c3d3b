"""What mirrors say to each other, written from its description in docs/hosts.md, without a line of the mirror's."""

import struct
import threading

import zenoh

ROOT = "ndsharray/1"


class Fixed(int):
    """An integer of eight bytes."""


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    if isinstance(value, Fixed):
        return varint(number << 3 | 1) + struct.pack("<Q", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def encode(*fields):
    """A message of protobuf: pairs of a field's number and its value."""
    return b"".join(field(number, value) for number, value in fields)


def decode(message):
    """The fields of a message: a list of values for each number."""
    fields, at = {}, 0

    def read_varint():
        nonlocal at
        number = shift = 0
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    while at < len(message):
        key = read_varint()
        if key & 7 == 0:
            value = read_varint()
        elif key & 7 == 1:
            value = struct.unpack_from("<Q", message, at)[0]
            at += 8
        else:
            length = read_varint()
            value = message[at : at + length]
            at += length
        fields.setdefault(key >> 3, []).append(value)
    return fields


def encoded(part):
    """A part of a key, percent-encoded."""
    kept = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in part.encode())


def offered(name, nbytes=8, alive=True, history=0):
    return encode((1, name), (2, nbytes), (3, int(alive)), (4, history))


def tags(revision, *entries):
    return encode((1, revision), *[(2, entry) for entry in entries])


class Answer(bytes):
    """What goes beside the values of an answer. How many bytes they have is added when it is sent."""


def answer(waited=0, cursor="", error="", missed=0):
    return Answer(encode((1, waited), (2, cursor), (3, error), (4, missed)))


def answer_of(nbytes, **of):
    """One that says how many bytes of values there are, whatever goes with it."""
    return answer(**of) + encode((5, nbytes))


def head(dtype="uint8", shape=(8,), nbytes=8, version=1, origin=7, descr="", itemsize=0, user_data=b"", attributes=None):
    fields = [(1, dtype), (2, descr), (3, itemsize)]
    fields += [(4, length) for length in shape]
    fields += [(5, nbytes), (6, user_data)]
    if attributes is not None:
        fields.append((7, attributes))
    return encode(*fields, (8, version), (9, Fixed(origin)), (10, Fixed(1_700_000_000_000_000_000)))


def value(data=b"12345678", **of):
    of.setdefault("nbytes", len(data))
    of.setdefault("shape", (len(data),))
    packed = head(**of)
    return struct.pack("<I", len(packed)) + packed + data


def session(listen=None, connect=None):
    config = zenoh.Config()
    config.insert_json5("mode", '"peer"')
    config.insert_json5("listen/endpoints", f'["{listen}"]' if listen else "[]")
    config.insert_json5("connect/endpoints", f'["{connect}"]' if connect else "[]")
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("scouting/gossip/enabled", "false")
    return zenoh.open(config)


class Source:
    """Offers tags. What it answers is for those who make one to say.

    `list_of(question)`: the payloads of the answers to "which tags do you have?"
    `values_of(tag, question)`: the answers to "send me a value": pairs of payload and attachment
    `rests_of(tag, question)`: the answers to "send me more of that answer": payloads
    """

    def __init__(self, session, offer, list_of, values_of, host="robot", key=None, rests_of=None):
        self.session, self.list_of, self.values_of, self.key = session, list_of, values_of, key
        self.rests_of = rests_of
        self.offer = offer
        self.asked = {}
        self.wrong = []
        self._queryable = session.declare_queryable(f"{ROOT}/{offer}/ask/**", self._asked, complete=True)
        self._token = session.liveliness().declare_token(f"{ROOT}/{offer}/alive/{encoded(host)}")

    def _asked(self, query):
        # In a thread of its own: an answer may take its time.
        threading.Thread(target=self._answer, args=(query,), daemon=True).start()

    def _answer(self, query):
        try:
            key = str(query.key_expr)
            what = key.split("/ask/")[1]
            self.asked[what] = self.asked.get(what, 0) + 1
            question = decode(query.payload.to_bytes())
            with query:
                if what == "tags":
                    for payload in self.list_of(question):
                        query.reply(self.key or key, payload)
                elif what.startswith("rest/"):
                    for payload in self.rests_of(what.removeprefix("rest/"), question):
                        query.reply(self.key or key, payload)
                else:
                    tag = what.removeprefix("value/")
                    for payload, attachment in self.values_of(tag, question):
                        if isinstance(attachment, Answer):
                            attachment += encode((5, len(payload)))
                        query.reply(self.key or key, payload, attachment=attachment)
        except Exception as error:  # noqa: BLE001 - for the test to see
            self.wrong.append(error)

    def end(self):
        self._token.undeclare()
        self._queryable.undeclare()


class Receiver:
    """Asks an offer."""

    def __init__(self, session, name="python-receiver"):
        self.session, self.name, self.number = session, name, 0

    def offers(self):
        """The offers that are there, with their hosts."""
        replies = self.session.liveliness().get(f"{ROOT}/*/alive/*")
        keys = [str(reply.ok.key_expr).split("/") for reply in replies if reply.ok]
        return {key[2]: key[4] for key in keys}

    def tags(self, offer, known=0, timeout=10):
        replies = self.ask(f"{ROOT}/{offer}/ask/tags", encode((1, known)), timeout)
        assert len(replies) == 1, replies
        fields = decode(replies[0][0])
        entries = [decode(entry) for entry in fields.get(2, [])]
        return fields.get(1, [0])[0], [entry[1][0].decode() for entry in entries]

    def value(self, offer, tag, after="", timeout=10, **of):
        """The next value: its head, elements and cursor; `None` if none came."""
        self.number += 1
        fields = {1: self.name, 2: self.number, 3: after, 4: 0, 5: 0, 6: 1 << 30, 9: 1 << 30}
        fields |= {int(number.removeprefix("f")): value for number, value in of.items()}
        replies = self.ask(f"{ROOT}/{offer}/ask/value/{encoded(tag)}", encode(*fields.items()), timeout)
        if not replies or not replies[0][0]:
            return None
        payload, attachment = replies[0]
        about = decode(attachment)
        while len(payload) < about[5][0]:
            part = self.rest(offer, tag, about[6][0], len(payload), fields[9], timeout)
            assert part, f"{len(payload)} bytes of {about[5][0]}, and no more"
            payload += part
        length = struct.unpack_from("<I", payload)[0]
        return decode(payload[4 : 4 + length]), payload[4 + length :], about[2][0].decode()

    def rest(self, offer, tag, answer, start, most, timeout=10, **of):
        """More of an answer; `None` if none came."""
        fields = {1: self.name, 2: answer, 3: start, 4: most}
        fields |= {int(number.removeprefix("f")): value for number, value in of.items()}
        replies = self.ask(f"{ROOT}/{offer}/ask/rest/{encoded(tag)}", encode(*fields.items()), timeout)
        return replies[0][0] if replies else None

    def ask(self, key, question, timeout=10, attachment=None):
        """The answers: payload and attachment of each."""
        replies = self.session.get(
            key, payload=question, timeout=timeout, attachment=attachment, congestion_control=zenoh.CongestionControl.BLOCK
        )
        samples = [reply.ok for reply in replies if reply.ok]
        return [(s.payload.to_bytes(), s.attachment.to_bytes() if s.attachment else b"") for s in samples]
