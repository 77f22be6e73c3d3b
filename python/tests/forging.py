"""Stores values whose dtype this module would never store, as a program in another language may: patches the data file."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import ndsharray

#: The offsets in an entry, as docs/design.md has them.
NAME_LENGTH, NAME, DESCR_LENGTH, DESCR, CHECKSUM = 12, 16, 600, 608, 1632


def store_dtype(store: ndsharray.Store, tag: str, name: str, descr: str, itemsize: int = 16, **options: Any) -> None:
    """Publishes a value of three elements, and gives its dtype that name and that descr."""
    with store.writer(tag, **options) as writer:
        writer.write(np.zeros(3, f"S{itemsize}"))
        assert writer.data_file is not None
        path = Path(store.directory, writer.data_file)
    forge(path, f"|S{itemsize}", name, descr)


def forge(path: Path, old: str, name: str, descr: str) -> None:
    """Replaces a name and a descr in all entries of a data file that have the descr `old`."""
    data = bytearray(path.read_bytes())
    sought = struct.pack("=Q", len(old)) + old.encode()
    place, found = data.find(sought), 0
    while place >= 0:
        entry = place - DESCR_LENGTH
        put(data, entry + NAME_LENGTH, "=I", entry + NAME, 48, name)
        put(data, entry + DESCR_LENGTH, "=Q", entry + DESCR, 1024, descr)
        checksum = zlib.crc32(data[entry : entry + CHECKSUM])
        data[entry + CHECKSUM : entry + CHECKSUM + 8] = struct.pack("=Q", checksum)
        place, found = data.find(sought, place + 1), found + 1
    assert found > 0
    path.write_bytes(data)


def put(data: bytearray, length_at: int, length_code: str, at: int, room: int, text: str) -> None:
    encoded = text.encode()
    assert len(encoded) <= room
    struct.pack_into(length_code, data, length_at, len(encoded))
    data[at : at + room] = encoded.ljust(room, b"\0")
