#!/usr/bin/env python3
"""Prints the cases of the matrix, one a line, their columns between tabs; "-" is an empty one.

number, dtype as numpy writes it, lengths of the axes, bytes in hexadecimal, attributes, user data in hexadecimal,
acquired_at and source_written_at in nanoseconds. A reader prints what it found in the same form.
"""

# What stands in each byte of an element: x any, b 0 or 1, . padding (0), a a letter.
PLAIN = {
    "int8": "x", "int16": "xx", "int32": "xxxx", "int64": "x" * 8,
    "uint8": "x", "uint16": "xx", "uint32": "xxxx", "uint64": "x" * 8,
    "float16": "xx", "float32": "xxxx", "float64": "x" * 8,
    "complex64": "x" * 8, "complex128": "x" * 16, "bool": "b",
}  # fmt: skip
INNER = "{'names': ['flag', 'id'], 'formats': ['|b1', '<u4'], 'offsets': [0, 4], 'itemsize': 8}"
OTHER = {
    "<M8[ns]": "x" * 8,
    "<M8[D]": "x" * 8,
    "<m8[us]": "x" * 8,
    "<m8[25s]": "x" * 8,
    "|S1": "a",
    "|S5": "aaa..",
    "<U3": "a...a.......",
    "|V7": "x" * 7,
    # Without gaps; arrays in it; gaps within and at the end; a record in it; two deep, with arrays of records; a title.
    "[('x', '<f4'), ('y', '<f4')]": "x" * 8,
    "[('id', '<u2', (2,)), ('m', '<f8', (2, 3)), ('name', '|S4')]": "xxxx" + "x" * 48 + "aaa.",
    "{'names': ['stamp', 'position', 'valid'], 'formats': ['<u8', ('<f4', (3,)), '|b1'], "
    "'offsets': [0, 8, 20], 'itemsize': 24}": "x" * 20 + "b...",
    "[('at', '<M8[us]'), ('pose', [('x', '<f8'), ('label', '<U2')])]": "x" * 16 + "a...a...",
    f"{{'names': ['kind', 'parts'], 'formats': ['|u1', ({INNER}, (2,))], 'offsets': [0, 4], 'itemsize': 24}}": "x..."
    + "b...xxxx" * 2
    + "....",
    "{'names': ['a'], 'formats': ['<i2'], 'offsets': [0], 'itemsize': 2, 'titles': ['Acceleration']}": "xx",
}
SHAPES = [(), (5,), (2, 3), (2, 1, 3), (1, 2, 2, 2), (2, 1, 2, 1, 2), (0,), (3, 0, 2)]
# attributes, user data, acquired_at, source_written_at
METAS = [
    ("-", "-", 0, 0),
    ('{"gain":2,"name":"café"}', "-", 1_700_000_000_123_456_789, 0),
    ("-", "00ff0d0a7b", 1, 0),
    ('{"roi":[1,2.5,null,true],"unit":"m"}', "-", 0, 1_700_000_000_000_000_001),
    ("-", "ab" * 2048, 0, 0),
    ("{}", "-", 2**63 - 1, 0),
    ("-", "-", 1_700_000_000_000_000_000, 2**63 - 1),
]


def element(pattern: str, number: int, start: int) -> bytes:
    """The bytes of an element that stands `start` bytes from the first one."""
    out = bytearray()
    for offset, what in enumerate(pattern):
        any_byte = ((start + offset) * 37 + number * 101 + 7) % 251
        out.append({"x": any_byte, "b": any_byte % 2, "a": 97 + any_byte % 26, ".": 0}[what])
    return bytes(out)


def main() -> None:
    number = 0
    for dtype, pattern in {**PLAIN, **OTHER}.items():
        for shape in SHAPES:
            count = 1
            for length in shape:
                count *= length
            size = len(pattern)
            data = b"".join(element(pattern, number, index * size) for index in range(count))
            attributes, user_data, acquired_at, source_written_at = METAS[number % len(METAS)]
            axes = ",".join(map(str, shape)) or "-"
            print(number, dtype, axes, data.hex() or "-", attributes, user_data, acquired_at, source_written_at, sep="\t")
            number += 1


main()
