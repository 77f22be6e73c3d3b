"""The sides of Python and of the command line in the matrix.

    matrix.py python write|read DIRECTORY CASES
    matrix.py cli=PROGRAM write|read DIRECTORY CASES

"write" writes each case under the tag of its number, Python the odd ones by a loan; "read" prints what is under the tag of each case,
in the form of the cases. "?" is what a side cannot say.
"""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys

import numpy as np

CASES = [line.rstrip("\n").split("\t") for line in open(sys.argv[4], encoding="utf-8")]


def parsed(text: str) -> np.dtype:
    return np.dtype(ast.literal_eval(text) if text[0] in "[{" else text)


def inside(dtype: np.dtype) -> str:
    """The text of a dtype within a record."""
    if dtype.subdtype is not None:
        return f"({inside(dtype.base)}, {dtype.shape})"
    return repr(dtype.str) if dtype.names is None else record(dtype)


def record(dtype: np.dtype) -> str:
    fields = [dtype.fields[name] for name in dtype.names]
    ends = [0, *(offset + field.itemsize for field, offset, *_ in fields)]
    offsets = [offset for _, offset, *_ in fields]
    titles = [title[0] if title else None for _, _, *title in fields]
    if offsets + [dtype.itemsize] == ends and not any(titles):
        shapes = [f", {field.shape}" if field.shape else "" for field, *_ in fields]
        entries = zip(dtype.names, fields, shapes)
        return "[" + ", ".join(f"({name!r}, {inside(field[0].base)}{shape})" for name, field, shape in entries) + "]"
    formats = ", ".join(inside(field) for field, *_ in fields)
    text = f"'names': {list(dtype.names)}, 'formats': [{formats}], 'offsets': {offsets}, 'itemsize': {dtype.itemsize}"
    return "{" + text + (f", 'titles': {titles}" if any(titles) else "") + "}"


def spelled(dtype: np.dtype) -> str:
    """What numpy knows of a dtype, in the form of the cases."""
    if dtype.names is not None:
        return record(dtype)
    return dtype.name if dtype.char in "?bBhHiIlLqQefdFD" else dtype.str


def axes(text: str) -> tuple[int, ...]:
    return () if text == "-" else tuple(map(int, text.split(",")))


def data(text: str) -> bytes:
    return b"" if text == "-" else bytes.fromhex(text)


def row(number: str, dtype: np.dtype, shape: tuple[int, ...], data: bytes, *rest: object) -> str:
    return "\t".join(map(str, [number, spelled(dtype), ",".join(map(str, shape)) or "-", data.hex() or "-", *rest]))


class Python:
    def __init__(self, directory: str) -> None:
        import ndsharray

        self.store = ndsharray.Store(directory)

    def write(self, number: str, dtype: str, shape: str, values: str, attributes: str, user_data: str, at: str, _: str) -> None:
        array = np.ndarray(axes(shape), parsed(dtype), bytearray(data(values)) or None)
        meta: dict[str, object] = {"acquired_at": int(at) or None}
        if attributes != "-":
            meta["attrs"] = json.loads(attributes)
        elif user_data != "-":
            meta["user_data"] = data(user_data)
        with self.store.writer(number) as writer:
            if int(number) % 2 == 0:
                writer.write(array, **meta)
            else:
                with writer.loan(array.shape, array.dtype, **meta) as loan:
                    loan[...] = array

    def read(self, number: str) -> str:
        value = self.store.reader(number).latest()
        array = value.array
        assert array.dtype == value.dtype and array.shape == value.shape and array.flags.c_contiguous
        # tobytes of records need not have what lies in the gaps.
        values = bytes(array.view(np.uint8).data) if array.ndim and array.size else bytes(memoryview(array.reshape(-1).view(np.uint8)))
        attributes, user_data = "-", value.user_data.hex() or "-"
        if value.attrs is not None:
            attributes, user_data = value.user_data.decode(), "-"
            assert json.loads(attributes) == value.attrs
        return row(number, value.dtype, value.shape, values, attributes, user_data, value.acquired_at_ns or 0, "?")


class CommandLine:
    def __init__(self, program: str, directory: str) -> None:
        self.program, self.directory = program, directory
        # All tags in one call. The digits of the times are those that a float has not.
        text = self.run("ls", "--json", "--look", "0")
        self.listed = {tag["tag"]: tag["value"] for tag in json.loads(text)}
        self.exact = {tag["tag"]: tag["value"] for tag in json.loads(text, parse_float=str)}

    def run(self, *arguments: str, given: bytes | None = None) -> bytes:
        command = [self.program, *arguments, "--dir", self.directory]
        return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True, timeout=60).stdout

    def write(self, number: str, dtype: str, shape: str, values: str, attributes: str, _: str, at: str, __: str) -> None:
        file = io.BytesIO()
        descr = np.lib.format.dtype_to_descr(parsed(dtype))
        header = {"descr": descr, "fortran_order": False, "shape": axes(shape)}
        np.lib.format.write_array_header_2_0(file, header)
        options = [] if attributes == "-" else ["--attrs", attributes]
        options += [] if at == "0" else ["--acquired-at", f"{int(at) // 10**9}.{int(at) % 10**9:09}"]
        self.run("put", number, "-", *options, given=file.getvalue() + data(values))

    def read(self, number: str) -> str:
        file = io.BytesIO(self.run("get", number, "-o", "-"))
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read_header(file)
        assert not fortran_order
        stat, exact = self.listed[number], self.exact[number]
        assert tuple(stat["shape"]) == shape and stat["bytes"] == len(file.getvalue()) - file.tell()
        attributes = "-" if stat["attributes"] is None else json.dumps(stat["attributes"], ensure_ascii=False, separators=(",", ":"))
        times = [0 if exact[at] is None else int(exact[at].replace(".", "")) for at in ("acquired_at", "source_written_at")]
        return row(number, dtype, shape, file.read(), attributes, "?", *times)


side = CommandLine(sys.argv[1].removeprefix("cli="), sys.argv[3]) if sys.argv[1].startswith("cli=") else Python(sys.argv[3])
for case in CASES:
    if sys.argv[2] == "write":
        side.write(*case)
    else:
        print(side.read(case[0]))
