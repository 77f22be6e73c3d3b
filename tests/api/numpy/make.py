"""Writes dtypes.json: how numpy lays out dtypes, what text describes them, and what `numpy.save` writes for them.

    python tests/api/numpy/make.py > tests/api/numpy/dtypes.json

Needs numpy and the Python module of this project, whose describe() makes the texts.
"""

import io
import json
import random

import numpy as np

from ndsharray import UnsupportedDTypeError
from ndsharray._dtypes import describe

CODES = "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16 S5 U3 V6 M8[ns] m8[25s] M8 m8[W] >i4 >f8 >c8 >U2 >M8[ms] <i8 S1 V1".split()
NAMES = ["x", "y", "größe", "µ", "it's", 'a"b', "two words", "名前", "a\nb", "\\", "😀", "f0", "type"]


def shape(rng):
    return tuple(rng.choice([0, 1, 2, 3]) for _ in range(rng.choice([0, 0, 0, 1, 2])))


def random_dtype(rng, depth):
    if depth == 0 or rng.random() < 0.2:
        return np.dtype(rng.choice(CODES))
    names = rng.sample(NAMES, rng.randint(1, 4))
    formats = [(random_dtype(rng, depth - 1), shape(rng)) for _ in names]
    formats = [np.dtype(f) if f[1] else f[0] for f in formats]
    kind = rng.choice(["packed", "aligned", "titles", "gaps"])
    if kind == "packed":
        return np.dtype(list(zip(names, formats)))
    if kind == "aligned":
        return np.dtype(list(zip(names, formats)), align=True)
    if kind == "titles":
        return np.dtype([((f"the {n}", n), f) for n, f in zip(names, formats)])
    offsets, end = [], 0
    for f in formats:
        offsets.append(end + rng.randint(0, 5))
        end = offsets[-1] + f.itemsize
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end + rng.randint(0, 5)})


def leaves(dtype, path="", offset=0):
    """Each field that is no record: path, type string, shape, offset in bytes."""
    found = []
    for name in dtype.names or ():
        inner, at = dtype.fields[name][:2]
        base, axes = inner.subdtype or (inner, ())
        if base.names is None:
            found.append([path + name, base.str, list(axes), offset + at])
        else:
            found.append([path + name, "", list(axes), offset + at])
            found += leaves(base, f"{path}{name}.", offset + at)
    return found


def saved(dtype):
    out = io.BytesIO()
    try:
        np.save(out, np.zeros((2, 1), dtype))
    except ValueError:  # fields that overlap
        return None, None
    out.seek(0)
    loaded = np.load(out)
    return out.getvalue()[: len(out.getvalue()) - loaded.nbytes], loaded.dtype


def case(dtype):
    name, descr, _ = describe(dtype)
    header, loaded = saved(dtype)
    return {
        "name": name,
        "descr": descr,
        "itemsize": dtype.itemsize,
        "leaves": leaves(dtype),
        "npy": header and header.hex(),
        "loaded": leaves(loaded) if header else None,
    }


def main():
    rng = random.Random(1)
    numbers = [np.dtype(code) for code in CODES if code[0] != ">" or code[1] not in "ifc"]
    by_hand = [
        np.dtype("i1,i4,i1", align=True),
        np.zeros(1, [("x", "f4"), ("y", "f8"), ("z", "i2")])[["x"]].dtype,
        np.dtype({"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 2]}),
        np.dtype({"names": ["b", "a"], "formats": ["i4", "i2"], "offsets": [4, 0]}),
        np.dtype({"names": [], "formats": [], "itemsize": 8}),
        np.dtype((np.record, [("a", "i4"), ("b", "f8")])),
        np.dtype([("", "i4"), ("", "V3")]),
        np.dtype([("a", "V3"), ("b", "S0"), ("c", "f4", (0, 2))]),
    ]
    records = []
    while len(records) < 150:
        dtype = random_dtype(rng, 3)
        if dtype.names is None or dtype.itemsize == 0:
            continue
        try:
            if len(describe(dtype)[1].encode()) <= 1024:
                records.append(dtype)
        except UnsupportedDTypeError:  # numpy refuses its own text
            pass
    print("[")
    cases = [json.dumps(case(dtype), ensure_ascii=False) for dtype in numbers + by_hand + records]
    print(",\n".join(cases))
    print("]")


main()
