"""Checks a reader of the format (examples/c/format_reader.c): format_reader.py READER WRITER DIRECTORY SECONDS

First against each of the test vectors: the reader must find the value, or name the error, that the vector names. Then
beside WRITER (examples/layouts.rs), for so many seconds: every value that the reader prints must be whole, and newer than
the one before. DIRECTORY is an empty directory on a filesystem that can be a store.
"""

import glob
import json
import os
import struct
import subprocess
import sys
import zlib

READER, WRITER, DIRECTORY, SECONDS = sys.argv[1:]
EXIT_CODES = {
    "Empty": 4,
    "Contended": 5,
    "Truncated": 8,
    "Endianness": 9,
    "FormatVersion": 10,
    "Checksum": 11,
    "UnknownFeatures": 12,
    "Corrupt": 13,
}


def read(*args):
    """The exit code, what the reader says by key, and its raw output."""
    done = subprocess.run([READER, *args], capture_output=True, timeout=60)
    text = (done.stdout if "--bytes" not in args else b"") + done.stderr
    fields = {line[:13].strip(): line[13:] for line in text.decode().splitlines()}
    return done.returncode, fields, done.stdout


def lay_out(vector, directory):
    os.mkdir(directory)
    for name, file in vector["files"].items():
        with open(os.path.join(directory, name), "wb") as f:
            f.truncate(file["size"])
            for offset, part in file["parts"].items():
                f.seek(int(offset))
                f.write(bytes.fromhex(part))


def wanted(vector):
    """The exit code, and what the reader must say."""
    value, error = vector["value"], vector["error"]
    if error:
        return EXIT_CODES[error["kind"]], {"error": error["kind"], "file": error["file"], "field": error["field"]}
    if not value:
        return EXIT_CODES["Empty"], {"error": "Empty", "file": "a"}
    return 0, {
        "version": str(value["version"]),
        "dtype": value["dtype"],
        "descr": value["descr"],
        "item size": str(value["itemsize"]),
        "shape": "[" + ",".join(map(str, value["shape"])) + "]",
        "bytes": str(len(value["bytes"]) // 2),
        "checksum": f"{zlib.crc32(bytes.fromhex(value['bytes'])):08x}",
        "written": value["written_at_unix_ns"],
        "acquired": value["acquired_at_unix_ns"],
        "at source": value["source_written_at_unix_ns"],
        "encoding": str(value["encoding"]),
        "user data": value["user_data"],
        "data file": value["data_file"],
        "origin": vector["header"]["origin"],
        "source": vector["header"]["source"],
        "ephemeral": "yes" if vector["header"]["ephemeral"] else "no",
    }


def check_vectors():
    values = errors = 0
    vectors = sorted(glob.glob("tests/vectors/*.json"))
    for path in vectors:
        name = os.path.basename(path)
        with open(path) as f:
            vector = json.load(f)
        directory = os.path.join(DIRECTORY, name)
        lay_out(vector, directory)
        before = {file: open(os.path.join(directory, file), "rb").read() for file in os.listdir(directory)}
        code, want = wanted(vector)
        got, fields, _ = read("--dir", directory, "a")
        fields = {key: fields.get(key, "") for key in want}
        assert (got, fields) == (code, want), f"{name}: exit code {got}, {fields}; wanted {code}, {want}"
        if code == 0:
            _, _, output = read("--dir", directory, "--bytes", "a")
            assert output.hex() == vector["value"]["bytes"], f"{name}: bytes {output.hex()}"
        after = {file: open(os.path.join(directory, file), "rb").read() for file in os.listdir(directory)}
        assert after == before, f"{name}: the reader changed the store"
        values += code == 0
        errors += code != 0
    assert values > 15 and errors > 10, "too few vectors"
    print(f"  {len(vectors)} vectors: {values} values, {errors} without one or with an error")


ELEMENTS = {
    "uint8": lambda v: struct.pack("=B", v % 2**8),
    "uint32": lambda v: struct.pack("=I", v % 2**32),
    "int16": lambda v: struct.pack("=H", v % 2**16),
    "int64": lambda v: struct.pack("=q", v),
    "float32": lambda v: struct.pack("=f", v % 2**24),
    "float64": lambda v: struct.pack("=d", v),
    "datetime64[ns]": lambda v: struct.pack("=q", v),
}


def check_value(line):
    """The origin and version of a line of the reader, after a check that all of it belongs to one value."""
    origin, version, dtype, shape, length, checksum, user_data = line.split(" ")
    version = int(version)
    count = 1
    for n in shape[1:-1].split(","):
        count *= int(n or 1)
    whole = ELEMENTS[dtype](version) * count
    text = f"{version} " * (1 + version % 100)
    assert int(length) == len(whole), f"torn: {line}"
    assert int(checksum, 16) == zlib.crc32(whole), f"torn: {line}"
    assert bytes.fromhex(user_data) == text.encode(), f"torn: {line}"
    return int(origin), version, dtype, shape


def check_live():
    store = os.path.join(DIRECTORY, "live")
    os.mkdir(store)
    reader = subprocess.Popen(
        [READER, "--dir", store, "--follow", SECONDS, "a"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    writer = subprocess.Popen(
        [WRITER, "a", SECONDS], env={**os.environ, "NDSHARRAY_DIR": store}, stdout=subprocess.PIPE, text=True
    )
    values, versions, layouts = 0, {}, set()
    last_origin = None
    try:
        for line in reader.stdout:
            origin, version, dtype, shape = check_value(line.rstrip("\n"))
            # An origin that another one followed does not come back; within one, versions only grow.
            assert origin == last_origin or origin not in versions, f"an origin that was left: {line}"
            assert version > versions.get(origin, 0), f"backwards from {versions.get(origin)}: {line}"
            versions[origin] = version
            last_origin = origin
            layouts.add((dtype, shape))
            values += 1
        written = writer.communicate(timeout=60)[0].split()
        report = reader.communicate(timeout=60)[1].split()
    finally:
        reader.kill()
        writer.kill()
    assert writer.returncode == 0, f"the writer failed: {writer.returncode}"
    assert reader.returncode == 0, f"the reader failed: {reader.returncode}: {' '.join(report)}"
    count = {key: int(n) for key, n in zip(report[::2], report[1::2])}
    made = {key: int(n) for key, n in zip(written[::2], written[1::2])}
    assert values == count["values"] and values > 50, f"{values} values: too few"
    assert len(versions) > 1 and count["headers"] > 2 and len(layouts) > 10, "the tag did not change enough"
    assert count["data_missing"] == 0, "a data file was missing, and nobody removed one by hand"
    # The last value stays when its writer has gone.
    code, fields, _ = read("--dir", store, "a")
    assert code == 0 and int(fields["version"]) == made["last"], f"not the last value: {code}, {fields}"
    retries = count["overtaken"] + count["slot_taken"] + count["file_gone"] + count["record_moved"]
    print(
        f"  live, {SECONDS} s: {made['values']} values written in {made['layouts']} layouts, with {made['events']} takeovers, "
        f"removals and larger files"
    )
    print(
        f"  {values} values read, none torn, none backwards: {len(layouts)} dtypes and shapes, {len(versions)} origins, "
        f"{count['headers']} headers and {count['data_files']} data files opened"
    )
    print(
        f"  {retries} retries: {count['record_moved']} record moved, {count['file_gone']} data file had another name, "
        f"{count['slot_taken']} slot taken before the copy, {count['overtaken']} during it; "
        f"{count['contended']} times given up and begun anew, {count['absent']} times no tag or no value"
    )


check_vectors()
check_live()
