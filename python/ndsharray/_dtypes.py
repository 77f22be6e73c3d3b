"""Custom dtypes: all that are not built-in numbers. A text that describes the dtype is stored with each value."""

import ast
from typing import Any

import numpy as np

from ndsharray._errors import UnsupportedDTypeError

#: The kinds of dtype whose type string describes them: datetime64, timedelta64, bytes, str and plain void.
_BY_STRING = "mMSUV"


def describe(dtype: "np.dtype[Any]") -> "tuple[str, str, np.dtype[Any]]":
    """Returns the name and the descr that are stored for a dtype, and the dtype that these two are turned back into.

    A descr is a text from which numpy can make the dtype: a type string; or, for a structured dtype, the text of a list
    or dict.

    Raises
    ------
    UnsupportedDTypeError
        If the elements are references to objects or have no size, or if no text describes the dtype exactly.

    Examples
    --------
    >>> describe(np.dtype("datetime64[ms]"))
    ('datetime64[ms]', '<M8[ms]', dtype('<M8[ms]'))
    >>> describe(np.dtype([("x", "f4"), ("y", "f4")]))
    ('void64', "[('x', '<f4'), ('y', '<f4')]", dtype([('x', '<f4'), ('y', '<f4')]))
    """
    if dtype.hasobject:
        raise UnsupportedDTypeError(
            f"dtype {dtype} cannot be shared: its elements are references to objects of this process. Convert the array to "
            "elements of a fixed size, such as numbers, 'S8', 'U8', datetime64 or records of these"
        )
    if dtype.itemsize == 0:
        raise UnsupportedDTypeError(
            f"dtype {dtype} cannot be shared: its elements have no size. Use a dtype of at least one byte"
        )
    try:
        descr = _spec(dtype)
        text = descr if isinstance(descr, str) else repr(descr)
        again = _made(dtype.name, text)
    except _REFUSALS as error:
        raise UnsupportedDTypeError(f"dtype {dtype} cannot be shared: {error}") from None
    if not same(again, dtype):
        raise UnsupportedDTypeError(
            f"dtype {dtype} cannot be shared: no text describes it exactly, as numpy makes {again!r} from {text!r}"
        )
    return dtype.name, text, again


def restore(tag: str, name: str, descr: str, itemsize: int) -> "np.dtype[Any]":
    """Returns the dtype for which :func:`describe` returned this name and this descr.

    Raises
    ------
    UnsupportedDTypeError
        If numpy makes no dtype of the descr, or not one of plain elements of that size. The error names the tag.

    Examples
    --------
    >>> restore("clock", "datetime64[ms]", "<M8[ms]", 8)
    dtype('<M8[ms]')
    """
    try:
        dtype = _made(name, descr)
        if dtype.itemsize != itemsize or dtype.hasobject or dtype.subdtype is not None:
            raise ValueError(f"it stands for {dtype!r}, but the value has plain elements of {itemsize} bytes")
    except _REFUSALS as error:
        shown = descr if len(descr) <= 200 else descr[:200] + "..."
        raise UnsupportedDTypeError(
            f"the value of {tag!r} has the dtype {name!r}, which is stored as {shown!r} and cannot be made here: "
            f"{type(error).__name__}: {error}. {_remedy(error)}"
        ) from None
    return dtype


#: What Python and numpy raise about a text that makes no dtype. A warning counts where the program makes it an error. What a
#: signal handler raises in the middle, such as KeyboardInterrupt or TimeoutError, is not among these.
_REFUSALS = (
    *(ArithmeticError, AttributeError, ImportError, LookupError, MemoryError, RecursionError),
    *(SyntaxError, SystemError, TypeError, ValueError, Warning),
)


def _remedy(error: BaseException) -> str:
    if isinstance(error, ImportError):
        return "Install it, and read again"
    return "Let the writer store it with a descr that numpy.dtype takes"


def _made(name: str, descr: str) -> "np.dtype[Any]":
    dtype = _from_ml_dtypes(name) if descr.startswith(("<V", "|V", "<f1", "|f1")) else None
    if dtype is not None:
        return dtype
    spec = ast.literal_eval(descr) if descr.startswith(("[", "{", "(")) else descr
    return np.dtype((np.record, spec)) if name.startswith("record") else np.dtype(spec)


def same(a: "np.dtype[Any]", b: "np.dtype[Any]") -> bool:
    """Whether no difference between two dtypes can be seen. numpy's ``==`` ignores some differences."""
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
    """What numpy can make the dtype from: plain strings, lists, tuples and dicts."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return _spec(base), shape
    if dtype.names is None or dtype.fields is None:
        if dtype.kind not in _BY_STRING and not _is_number(dtype) and _from_ml_dtypes(dtype.name) is None:
            raise UnsupportedDTypeError(
                f"dtype {dtype} cannot be shared. Convert the array to numbers of up to 8 bytes, complex64, complex128, "
                "bool, datetime64, timedelta64, 'S', 'U', 'V', a type of ml_dtypes, or a record of these"
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
    """One field of a structured dtype, in the form that it has in ``dtype.descr``."""
    return (name, *spec) if isinstance(spec, tuple) else (name, spec)


def _is_number(dtype: "np.dtype[Any]") -> bool:
    return dtype.isbuiltin != 2 and (dtype.kind in "biu" or dtype.str[1:] in ("f2", "f4", "f8", "c8", "c16"))


def _from_ml_dtypes(name: str) -> "np.dtype[Any] | None":
    """The dtype of this name in ml_dtypes; None if ml_dtypes has none."""
    if not name.startswith(("bfloat", "float", "int", "uint", "complex", "bcomplex")) or hasattr(np, name):
        return None
    try:
        import ml_dtypes
    except ImportError:
        raise ImportError("the dtype belongs to ml_dtypes, which is not installed: pip install ml_dtypes") from None
    scalar = getattr(ml_dtypes, name, None)
    return None if scalar is None else np.dtype(scalar)
