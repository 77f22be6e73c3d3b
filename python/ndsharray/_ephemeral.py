"""Closes the ephemeral writers of a process when its interpreter exits, so that their tags go with it.

The end of an interpreter drops most objects, but not all: not what a daemon thread holds, and nothing in a process that
multiprocessing made by fork, which ends in ``os._exit``.
"""

import atexit
import contextlib
import os
import sys
import threading
import weakref
from typing import Any

from ndsharray._errors import BusyError
from ndsharray._native import Writer

#: Later than all that multiprocessing does at the end of a process, such as to wait for its children.
_PRIORITY = -1_000_000

# A reload of the module keeps them.
if "_writers" not in globals():
    #: The writers, by their ids.
    _writers: "dict[int, weakref.ref[Writer]]" = {}
    #: What multiprocessing calls at the end of this process, if it is there.
    _finalizer: Any = None


def close_at_exit(writer: Writer) -> None:
    """Closes a writer at the end of the process, if it still exists then."""
    key = id(writer)
    _writers[key] = weakref.ref(writer, lambda _: _writers.pop(key, None))
    _use_multiprocessing()


def _use_multiprocessing() -> None:
    """Lets multiprocessing close the writers, if it is in use: in its children nothing else is called at the end."""
    global _finalizer
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _is_left_to_multiprocessing():
        _finalizer = util.Finalize(None, _close_after_threads, exitpriority=_PRIORITY)


def _is_left_to_multiprocessing() -> bool:
    # A child begins by forgetting what the process before it, or the import of its main module, has registered.
    return _finalizer is not None and bool(_finalizer.still_active())


def _close_after_threads() -> None:
    """Closes the writers when no thread can be in the middle of its work.

    In a child of multiprocessing other threads may still work: only after this the process waits for those that are no
    daemons. Then a thread more waits for them, too.
    """
    if _others():
        threading.Thread(target=_wait_and_close, name="ndsharray-exit").start()
    else:
        _close()


def _wait_and_close() -> None:
    while others := _others():
        for thread in others:
            thread.join()
    _close()


def _others() -> "list[threading.Thread]":
    """The threads for which a process waits at its end."""
    mine = (threading.main_thread(), threading.current_thread())
    return [thread for thread in threading.enumerate() if not thread.daemon and thread not in mine]


def _close_at_exit() -> None:
    # What is left to multiprocessing is closed after the children have ended, as it registered its own function earlier.
    if not _is_left_to_multiprocessing():
        _close()


def _close() -> None:
    for reference in list(_writers.values()):
        writer = reference()
        if writer is not None:
            # This function may have come into the middle of a call on this thread. The other writers are closed all the same.
            with contextlib.suppress(BusyError):
                writer._exit()


def _forget() -> None:
    """A forked child has no writers: those that it inherited are its parent's."""
    global _writers, _finalizer
    _writers, _finalizer = {}, None


if "_is_registered" not in globals():
    # They look the functions up by name, so a reload replaces them.
    atexit.register(lambda: _close_at_exit())
    os.register_at_fork(after_in_child=lambda: _forget())
    _is_registered = True
