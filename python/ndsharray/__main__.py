"""``python -m ndsharray``: runs a demonstration, and shows or cleans up a store."""

import argparse
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


def _gc(store: Store) -> None:
    report = store.gc()
    for name in report.removed:
        print(name)
    print(f"{len(report.removed)} files, {report.bytes} bytes removed")


def main(arguments: "list[str] | None" = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ndsharray", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--dir", help="directory of the store (default: NDSHARRAY_DIR, else /dev/shm)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="run a writer and two readers, each in a process of its own")
    commands.add_parser("ls", help="list the tags of the store")
    commands.add_parser("stat", help="show all about a tag").add_argument("tag")
    rm = commands.add_parser("rm", help="remove a tag with its value")
    rm.add_argument("tag")
    rm.add_argument("--force", action="store_true", help="also if the tag has a writer")
    commands.add_parser("gc", help="remove files that killed processes left behind")
    chosen = parser.parse_args(arguments)
    try:
        store = Store(chosen.dir)
        if chosen.command == "demo":
            _demo.run(store)
        elif chosen.command == "ls":
            _ls(store)
        elif chosen.command == "stat":
            _stat(store, chosen.tag)
        elif chosen.command == "rm":
            store.remove(chosen.tag, force=chosen.force)
        elif chosen.command == "gc":
            _gc(store)
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
