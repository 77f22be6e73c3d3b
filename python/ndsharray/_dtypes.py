"""dtypes beyond the built-in numbers: what is stored of them, and how they are made again."""

import ast
from typing import Any

import numpy as np

from ndsharray._errors import UnsupportedDTypeError

#: Kinds that are stored by their type string: datetime64, timedelta64, bytes, str and plain void.
_BY_STRING = "mMSUV"


def describe(dtype: "np.dtype[Any]") -> "tuple[str, str, np.dtype[Any]]":
    """The name and the descr that are stored for a dtype, and what is made of these again.

    The descr is what numpy makes the dtype from: a type string, or the text of a list or dict for structured ones.

    Raises
    ------
    UnsupportedDTypeError
        If the elements are references to objects, have no size, or cannot be made again from a text.

    Examples
    --------
    >>> describe(np.dtype("datetime64[ms]"))
    ('datetime64[ms]', '<M8[ms]', dtype('<M8[ms]'))
    >>> describe(np.dtype([("x", "f4"), ("y", "f4")]))
    ('void64', "[('x', '<f4'), ('y', '<f4')]", dtype([('x', '<f4'), ('y', '<f4')]))
    """
    if dtype.hasobject:
        raise UnsupportedDTypeError(
            f"dtype {dtype} cannot be shared: its elements are references to objects of this process "
            "(expected elements of a fixed size, such as numbers, 'S8', 'U8', datetime64 or records of them)"
        )
    if dtype.itemsize == 0:
        raise UnsupportedDTypeError(f"dtype {dtype} cannot be shared: its elements have no size (expected at least one byte)")
    descr = _spec(dtype)
    text = descr if isinstance(descr, str) else repr(descr)
    try:
        again = restore(dtype.name, text, dtype.itemsize)
    except (TypeError, ValueError) as error:
        raise UnsupportedDTypeError(f"dtype {dtype} cannot be shared: {error}") from None
    if not same(again, dtype):
        raise UnsupportedDTypeError(f"dtype {dtype} cannot be shared: numpy makes {again!r} from {text!r}")
    return dtype.name, text, again


def restore(name: str, descr: str, itemsize: int) -> "np.dtype[Any]":
    """The dtype that :func:`describe` gave this name and descr for.

    Examples
    --------
    >>> restore("datetime64[ms]", "<M8[ms]", 8)
    dtype('<M8[ms]')
    """
    dtype = _from_ml_dtypes(name) if descr.startswith(("<V", "|V", "<f1", "|f1")) else None
    if dtype is None:
        spec = ast.literal_eval(descr) if descr[0] in "[{(" else descr
        dtype = np.dtype((np.record, spec)) if name.startswith("record") else np.dtype(spec)
    if dtype.itemsize != itemsize or dtype.hasobject:
        raise UnsupportedDTypeError(
            f"stored dtype {name!r}: found descr {descr!r} of {dtype.itemsize} bytes, expected plain elements of {itemsize}"
        )
    return dtype


def same(a: "np.dtype[Any]", b: "np.dtype[Any]") -> bool:
    """Whether two dtypes agree in all that can be seen of them: numpy's ``==`` does not look at everything."""
    if a != b or a.type is not b.type or (a.itemsize, a.isalignedstruct) != (b.itemsize, b.isalignedstruct):
        return False
    if a.subdtype is not None and b.subdtype is not None:
        return a.subdtype[1] == b.subdtype[1] and same(a.subdtype[0], b.subdtype[0])
    if a.fields is None or b.fields is None:
        return a.fields is b.fields
    return a.names == b.names and all(
        same(a.fields[key][0], b.fields[key][0]) and a.fields[key][1:] == b.fields[key][1:] for key in a.fields
    )


def _spec(dtype: "np.dtype[Any]") -> Any:
    """What numpy makes the dtype from, of plain strings, lists, tuples and dicts."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return _spec(base), shape
    if dtype.names is None or dtype.fields is None:
        if dtype.kind not in _BY_STRING and not _is_number(dtype) and _from_ml_dtypes(dtype.name) is None:
            raise UnsupportedDTypeError(
                f"dtype {dtype} cannot be shared (expected a number of up to 8 bytes, complex64, complex128, bool, "
                "datetime64, timedelta64, 'S', 'U', 'V', a type of ml_dtypes, or a record of them)"
            )
        return dtype.str
    fields = [dtype.fields[name] for name in dtype.names]
    titles = [field[2] if len(field) > 2 else None for field in fields]
    packed = np.dtype([(name, field[0]) for name, field in zip(dtype.names, fields)])
    offsets = [field[1] for field in fields]
    is_packed = packed.itemsize == dtype.itemsize and offsets == [packed.fields[name][1] for name in dtype.names]  # type: ignore[index]
    if is_packed and not dtype.isalignedstruct and not any(titles):
        return [_entry(name, _spec(field[0])) for name, field in zip(dtype.names, fields)]
    spec: dict[str, Any] = {
        "names": list(dtype.names),
        "formats": [_spec(field[0]) for field in fields],
        "offsets": offsets,
        "itemsize": dtype.itemsize,
    }
    if any(titles):
        spec["titles"] = titles
    if dtype.isalignedstruct:
        spec["aligned"] = True
    return spec


def _entry(name: str, spec: Any) -> tuple[Any, ...]:
    """One field of a list, in the form that ``dtype.descr`` has."""
    return (name, *spec) if isinstance(spec, tuple) else (name, spec)


def _is_number(dtype: "np.dtype[Any]") -> bool:
    return dtype.isbuiltin != 2 and (dtype.kind in "biu" or dtype.str[1:] in ("f2", "f4", "f8", "c8", "c16"))


def _from_ml_dtypes(name: str) -> "np.dtype[Any] | None":
    """The dtype of that name in ml_dtypes; None if it has no such dtype."""
    if not name.startswith(("bfloat", "float", "int", "uint", "complex", "bcomplex")) or hasattr(np, name):
        return None
    try:
        import ml_dtypes
    except ImportError:
        raise UnsupportedDTypeError(f"dtype {name!r} is one of ml_dtypes: pip install ml_dtypes") from None
    scalar = getattr(ml_dtypes, name, None)
    return None if scalar is None else np.dtype(scalar)
