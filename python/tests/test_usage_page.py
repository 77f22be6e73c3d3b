"""The usage page of ndsharray 1, typed command by command into two interpreters."""

import re

from console import Console

FIRST = '''
import numpy as np
import ndsharray

my_array = np.random.random((4, 2))  # array size can be changed during runtime

# array must not be specified at instantiation
shared_array = ndsharray.NdShArray("my_unique_tag123", array=my_array, r_w='w')

print("name of the ndsharray: %s" % shared_array.name)  # prints the unique identifier (uuid4)
print("access of the ndsharray: %s" % shared_array.access)  # prints access: 'r' or 'w'
print("current ndarray name: %s" % shared_array.ndarray_mmap_name)  # prints the current mmap name of the ndarray
print(my_array)
'''

SECOND = '''
import numpy as np
import ndsharray

_shared_array = ndsharray.NdShArray("my_unique_tag123", r_w='r')

status, my_array = _shared_array.read()

print("status: %s" % status)  # check if the read is valid with the status!
# check the read time: the elapsed time between write- and read-function
print("elapsed write-read time: %s ms" % _shared_array.read_time_ms)
print(my_array)
'''

FIRST_AGAIN = '''
my_int_array = (255 * np.random.random((6, 3))).astype(np.uint8)
shared_array.write(my_int_array)

# the name of the ndarray mmap have been changed now - it is using a different uuid4 identifier:
print("current ndarray name: %s" % shared_array.ndarray_mmap_name)
print(my_int_array)
'''

SECOND_AGAIN = '''
status, my_array_2 = _shared_array.read()

print("status: %s" % status)  # check if the read is valid with the status!
# check the read time: the elapsed time between write- and read-function
print("elapsed write-read time: %s ms" % _shared_array.read_time_ms)
print("current ndarray name: %s" % _shared_array.ndarray_mmap_name)
print(my_array_2)
'''

TYPES = '''
import ndsharray

print("supported numpy types:")
for _dtype in ndsharray.supported_types:
    print(_dtype)
'''

DATA_FILE = re.compile(r"current ndarray name: (my_unique_tag123_[0-9a-f]{32})\n")


def split(said: str) -> tuple[str, str]:
    """The lines before the array, and the array as numpy prints it."""
    start = said.index("[[")
    return said[:start], said[start:]


def test_usage_page() -> None:
    with Console() as first, Console() as second:
        wrote, my_array = split(first.enter(FIRST))
        assert "name of the ndsharray: my_unique_tag123\naccess of the ndsharray: w\n" in wrote
        name = DATA_FILE.search(wrote)
        assert name is not None, wrote

        read, seen = split(second.enter(SECOND))
        assert read.startswith("status: True\nelapsed write-read time: ")
        assert float(read.split()[-2]) > 0.0
        assert seen == my_array

        wrote, my_int_array = split(first.enter(FIRST_AGAIN))
        other_name = DATA_FILE.search(wrote)
        assert other_name is not None and other_name.group(1) != name.group(1)

        read, seen = split(second.enter(SECOND_AGAIN))
        assert read.startswith("status: True\n")
        assert other_name.group(0) in read
        assert seen == my_int_array
        assert second.enter("print(my_array)") == my_array, "what was read does not change"

        types = first.enter(TYPES).splitlines()
        assert types[0] == "supported numpy types:"
        assert types[1] == "<class 'numpy.int8'>" and types[14] == "<class 'bool'>"

        # The constructor runs once more, as when a cell of a notebook is run again. The old reader follows.
        wrote, my_array = split(first.enter(FIRST))
        read, seen = split(second.enter(SECOND_AGAIN))
        assert read.startswith("status: True\n") and seen == my_array
        assert second.enter(SECOND_AGAIN).startswith("status: False\n")
