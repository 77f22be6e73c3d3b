#!/usr/bin/env python3
"""Copies the docstrings of the installed native module into its stub file, python/ndsharray/_native.pyi, where editors find
them. They are written in the Rust sources. A test compares the two."""

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any, TypeGuard

from ndsharray import _native

STUB = Path(__file__).parent.parent / "python" / "ndsharray" / "_native.pyi"
#: Methods with underscores that have docstrings of their own.
SPECIAL = ("__array__", "__dlpack__", "__dlpack_device__")
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(tree: ast.Module) -> list[tuple[Definition, Any]]:
    """What has a docstring, with what it stands for in the module."""
    found: list[tuple[Definition, Any]] = []
    for node in filter(is_documented, tree.body):
        value = getattr(_native, node.name)
        found.append((node, value))
        members = node.body if isinstance(node, ast.ClassDef) else []
        found += [(member, vars(value)[member.name]) for member in filter(is_documented, members)]
    return found


def is_documented(node: ast.stmt) -> TypeGuard[Definition]:
    if not isinstance(node, Definition):
        return False
    is_setter = any(isinstance(decorator, ast.Attribute) for decorator in node.decorator_list)
    return not is_setter and (not node.name.startswith("_") or node.name in SPECIAL)


def documented(text: str) -> str:
    """The text of the stub file with the docstrings of the module."""
    lines = text.splitlines()
    # From the end, so that the numbers of lines stay right.
    for node, value in sorted(definitions(ast.parse(text)), key=lambda pair: -pair[0].lineno):
        first = node.body[0]
        doc = textwrap.indent(f'"""{inspect.cleandoc(value.__doc__)}', " " * (node.col_offset + 4)).splitlines()
        doc = [*doc, " " * (node.col_offset + 4) + '"""'] if len(doc) > 1 else [doc[0] + '"""']
        if ast.get_docstring(node) is not None:
            lines[first.lineno - 1 : first.end_lineno] = doc
        elif isinstance(node, ast.ClassDef):
            lines[first_line(first) - 1 : first_line(first) - 1] = [*doc, ""]
        else:
            line = lines[first.lineno - 1]
            assert line.endswith(": ..."), line
            lines[first.lineno - 1 : first.lineno] = [line.removesuffix(" ..."), *doc]
    return "\n".join(lines) + "\n"


def first_line(node: ast.stmt) -> int:
    """The line of a definition with its decorators."""
    parts: list[ast.stmt | ast.expr] = [node, *getattr(node, "decorator_list", [])]
    return min(part.lineno for part in parts)


if __name__ == "__main__":
    STUB.write_text(documented(STUB.read_text()))
