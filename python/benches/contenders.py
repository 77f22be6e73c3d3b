"""One process of a measurement: the writer or the reader of one contender. Lines on its standard input say what to do.

Usage: python contenders.py CONTENDER writer|reader SHAPE DIRECTORY, with SHAPE such as 1080x1920x3. The module that the
contender needs is found by PYTHONPATH. Each line of input is answered by a line of output:

write N: writes N + 2 times, and answers the nanoseconds per write of the last N.
step: writes once.
small: writes 64 bytes.
read: reads once, uses one element, and answers the nanoseconds.
poll: reads until a call finds a new value, and answers two numbers of nanoseconds: those of that call until the array is
    there; and those until one element was used and the value was released.
hold: reads a value and keeps it.

The answer is "-" if the contender cannot do it.
"""

import ctypes
import gc
import math
import mmap
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

NAME, ROLE, _, DIRECTORY = sys.argv[1:5]
SHAPE = tuple(int(length) for length in sys.argv[3].split("x"))
SIZE = math.prod(SHAPE)
TAG = "array"
clock = time.perf_counter_ns

Write = Callable[[Any], Any]
Read = Callable[[], Any]
# Two functions. The first asks for a new value, and returns None if there is none. The second gives the value back, for
# contenders that need it.
Poll = tuple[Callable[[], Any], Callable[[], Any]]


def nothing_to_do() -> None:
    pass


def numpy_copies() -> tuple[Write, Read, Read]:
    """The least that a copy can take: to two arrays in turn that are in the cache."""
    source, targets = np.ones(SHAPE, np.uint8), [np.ones(SHAPE, np.uint8) for _ in range(2)]
    copyto = np.copyto

    def write(array: Any) -> None:
        targets.reverse()
        copyto(targets[0], array)

    def read() -> Any:
        targets.reverse()
        copyto(targets[0], source)
        return targets[0]

    return write, read, read


def numpy_array() -> tuple[Write | None, Read | None, Read | None]:
    """The least that a read can take that makes an array. The bytes are always the same; a counter says that they are new."""
    with open(os.path.join(DIRECTORY, TAG), "a+b") as file:
        file.truncate(8)
        counter = memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")
    if ROLE == "writer":
        copy = numpy_copies()[0]

        def write(array: Any) -> None:
            # As much work as for the others, so that as much of the reader leaves the cache.
            copy(array)
            counter[0] += 1

        return write, None, None
    memory, frombuffer, seen = bytes(SIZE), np.frombuffer, 0

    def find() -> Any:
        nonlocal seen
        number = counter[0]
        if number == seen:
            return None
        seen = number
        return frombuffer(memory, np.uint8)

    polls.append((find, nothing_to_do))
    return None, find, None


def ndsharray_2() -> tuple[Write | None, Read | None, Read | None]:
    import ndsharray

    store = ndsharray.Store(DIRECTORY)
    if ROLE == "writer":
        return store.writer(TAG).write, None, None
    reader = store.reader(TAG)
    read = reader.read

    def find() -> Any:
        snapshot = read()
        return None if snapshot is None else snapshot.array

    polls.append((find, nothing_to_do))
    return None, lambda: read().array, lambda: read().array  # type: ignore[union-attr]


def ndsharray_2_v1() -> tuple[Write | None, Read | None, Read | None]:
    os.environ["NDSHARRAY_DIR"] = DIRECTORY
    from ndsharray import NdShArray

    if ROLE == "writer":
        return NdShArray(TAG, np.ones(SHAPE, np.uint8), r_w="w").write, None, None
    read = NdShArray(TAG, r_w="r").read

    def find() -> Any:
        is_new, array = read()
        return array if is_new else None

    polls.append((find, nothing_to_do))
    return None, lambda: read()[1], lambda: read()[1]


def ndsharray_1() -> tuple[Write | None, Read | None, Read | None]:
    from ndsharray import NdShArray

    # ndsharray 1 takes only names in /dev/shm.
    tag = os.path.relpath(os.path.join(DIRECTORY, TAG), "/dev/shm")
    if ROLE == "writer":
        return NdShArray(tag, np.ones(SHAPE, np.uint8), r_w="w").write, None, None
    reader = NdShArray(tag, r_w="r")

    def read() -> Any:
        valid, array = reader.read()
        if not valid:
            raise RuntimeError("an array that is not valid")
        return array

    return None, read, read


def pyshmem() -> tuple[Write | None, Read | None, Read | None]:
    import pyshmem as module

    name = os.path.basename(DIRECTORY)
    if ROLE == "writer":
        stream = module.create(name, shape=SHAPE, dtype=np.uint8)
        closing.append(stream.unlink)
        return stream.write, None, None
    stream = module.open(name)
    out = np.ones(SHAPE, np.uint8)
    # A read into an array that is in the cache is its fastest. A value that is held needs an array of its own.
    return None, lambda: stream.read(out=out), stream.read


def shared_memory() -> tuple[Write | None, Read | None, Read | None]:
    """multiprocessing.shared_memory with a counter before and after each copy: the least that makes a copy safe."""
    from multiprocessing import resource_tracker
    from multiprocessing.shared_memory import SharedMemory

    name = os.path.basename(DIRECTORY)
    if ROLE == "writer":
        memory = SharedMemory(name, create=True, size=64 + SIZE)
        closing.append(memory.unlink)
    else:
        memory = SharedMemory(name)
        resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]
    keep.append(memory)
    counter = np.ndarray(1, np.uint64, memory.buf)
    shared: Any = np.ndarray(SHAPE, np.uint8, memory.buf, 64)
    copyto, out = np.copyto, np.ones(SHAPE, np.uint8)

    def write(array: Any) -> None:
        counter[0] += 1
        copyto(shared, array)
        counter[0] += 1

    def read_into(target: Any) -> Any:
        while True:
            before = counter[0]
            copyto(target, shared)
            if before == counter[0] and not before & 1:
                return target

    return write, lambda: read_into(out), lambda: read_into(np.empty(SHAPE, np.uint8))


def iceoryx2() -> tuple[Write | None, Read | None, Read | None]:
    import iceoryx2 as iox2

    iox2.set_log_level(iox2.LogLevel.Error)
    config = iox2.config.default()
    config.global_cfg.prefix = iox2.FileName.new("peers" + os.path.basename(DIRECTORY) + "_")
    config.global_cfg.root_path = iox2.Path.new(os.path.join(DIRECTORY, "iceoryx2"))
    node = iox2.NodeBuilder.new().config(config).create(iox2.ServiceType.Ipc)
    service = (
        node.service_builder(iox2.ServiceName.new(TAG))
        .publish_subscribe(iox2.Slice[ctypes.c_uint8])
        .subscriber_max_buffer_size(1)
        .subscriber_max_borrowed_samples(8)
        .open_or_create()
    )
    keep.extend([node, service])
    if ROLE == "writer":
        publisher = service.publisher_builder().initial_max_slice_len(SIZE).create()
        memmove = ctypes.memmove

        def write(array: Any) -> None:
            sample = publisher.loan_slice_uninit(array.nbytes)
            memmove(sample.payload().as_ptr(), array.ctypes.data, array.nbytes)
            sample.assume_init().send()

        return write, None, None
    subscriber = service.subscriber_builder().create()
    held: list[Any] = []

    def read() -> Any:
        sample = subscriber.receive()
        array = np.frombuffer(sample.payload().as_memory_view(), np.uint8).reshape(SHAPE)
        array.item(0)
        sample.delete()
        return None

    found: Any = None

    def find() -> Any:
        nonlocal found
        found = subscriber.receive()
        return None if found is None else np.frombuffer(found.payload().as_memory_view(), np.uint8).reshape(SHAPE)

    polls.append((find, lambda: found.delete()))

    def hold() -> Any:
        sample = subscriber.receive()
        held.append(sample)
        return np.frombuffer(sample.payload().as_memory_view(), np.uint8).reshape(SHAPE)

    return None, read, hold


closing: list[Callable[[], Any]] = []
keep: list[Any] = []
# For contenders whose read can say that there is nothing new.
polls: list[Poll] = []
CONTENDERS = {
    "np.copyto": numpy_copies,
    "np.frombuffer": numpy_array,
    "ndsharray": ndsharray_2,
    "NdShArray": ndsharray_2_v1,
    "ndsharray 1.1.4": ndsharray_1,
    "pyshmem": pyshmem,
    "shared_memory": shared_memory,
    "iceoryx2": iceoryx2,
}


def main() -> None:
    write, read, hold = CONTENDERS[NAME]()
    array, held = np.ones(SHAPE, np.uint8), []
    # A pause for garbage collection would not be the contender's fault.
    gc.disable()
    # All readers but iceoryx2's need something to open. iceoryx2's get only what is published after they came.
    if ROLE == "writer" and write is not None and NAME != "iceoryx2":
        write(array)
    nothing = min(-clock() + clock() for _ in range(1000))
    print("ready", flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        answer = "0"
        try:
            if command == "write" and write is not None:
                count = int(numbers[0])
                write(array)
                write(array)
                start = clock()
                for _ in range(count):
                    write(array)
                answer = str((clock() - start) / count)
            elif command == "step" and write is not None:
                write(array)
            elif command == "small" and write is not None:
                write(array.reshape(-1)[:64])
            elif command == "read" and read is not None:
                start = clock()
                value = read()
                if value is not None:
                    value.item(0)
                value = None
                answer = str(clock() - start - nothing)
            elif command == "poll" and polls:
                find, give_back = polls[0]
                value = None
                while value is None:
                    start = clock()
                    value = find()
                    there = clock()
                value.item(0)
                value = None
                give_back()
                end = clock()
                answer = f"{there - start - nothing} {end - start - 2 * nothing}"
            elif command == "hold" and hold is not None:
                held.append(hold())
                held[-1].sum()
            else:
                answer = "-"
        except Exception as error:
            print(f"{NAME}: {command}: {error!r}", file=sys.stderr)
            answer = "-"
        print(answer, flush=True)
    held.clear()
    for close in closing:
        close()


main()
