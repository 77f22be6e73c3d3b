"""``python -m ndsharray``: runs a demonstration, and shows or cleans up a store."""

import argparse
import os
import sys

from ndsharray import Error, Store, __version__, _demo


def _ls(store: Store) -> None:
    for tag in store.tags():
        try:
            stat = store.stat(tag)
        except Error as error:
            print(f"{tag}  ({error})")
            continue
        writer = "writer" if stat.writer_alive else "-"
        value = "empty" if stat.shape is None else f"{stat.dtype_name} {stat.shape} version {stat.version}"
        source = f"  from {stat.source}" if stat.source else ""
        print(f"{tag}  {value}  {stat.bytes} bytes  {writer}{source}")


def _stat(store: Store, tag: str) -> None:
    stat = store.stat(tag)
    for name in sorted(name for name in dir(stat) if not name.startswith("_")):
        value = getattr(stat, name)
        print(f"{name + ':':<19}{oct(value) if name == 'mode' else value}")


def _rm(store: Store, tags: "list[str]", force: bool) -> int:
    code = 0
    for tag in tags:
        try:
            store.remove(tag, force=force)
        except Error as error:
            # One that cannot be removed does not keep the others from it.
            print(f"error: {error}", file=sys.stderr)
            code = 1
    return code


def _gc(store: Store) -> None:
    report = store.gc()
    for name in report.removed:
        print(name)
    print(f"{len(report.removed)} files, {report.bytes} bytes removed")


def main(arguments: "list[str] | None" = None) -> int:
    # Before the command and behind it. It has no default here: that of the command would replace what stands before it.
    place = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    place.add_argument("--dir", help="directory of the store (default: NDSHARRAY_DIR, else /dev/shm)")
    parser = argparse.ArgumentParser(prog="python -m ndsharray", description=__doc__, parents=[place])
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="run a writer and two readers, each in a process of its own", parents=[place])
    commands.add_parser("ls", help="list the tags of the store", parents=[place])
    commands.add_parser("stat", help="show all about a tag", parents=[place]).add_argument("tag")
    rm = commands.add_parser("rm", help="remove tags with their values", parents=[place])
    rm.add_argument("tag", nargs="+")
    rm.add_argument("--force", action="store_true", help="also if a tag has a writer")
    commands.add_parser("gc", help="remove files that killed processes left behind", parents=[place])
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen)
    except BrokenPipeError:
        # Who reads the output has gone. The interpreter would write the rest to it at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(chosen: argparse.Namespace) -> int:
    try:
        store = Store(getattr(chosen, "dir", None))
        if chosen.command == "demo":
            _demo.run(store)
        elif chosen.command == "ls":
            _ls(store)
        elif chosen.command == "stat":
            _stat(store, chosen.tag)
        elif chosen.command == "rm":
            return _rm(store, chosen.tag, chosen.force)
        elif chosen.command == "gc":
            _gc(store)
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
