"""Files mapped into memory without keeping them open: `mmap` of the standard library holds a descriptor for
each file until Python 3.13, and a long history has thousands of files.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref

import numpy as np
from numpy.typing import NDArray

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
]  # fmt: skip
_LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_FAILED = ctypes.c_void_p(-1).value


def map_file(descriptor: int, size: int) -> NDArray[np.uint8]:
    """(size,) the bytes of an open file, read-only; the mapping ends with the last array that looks at it.

    Raises
    ------
    OSError: the file cannot be mapped.
    """
    address = _LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if address == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    memory = (ctypes.c_uint8 * size).from_address(address)
    weakref.finalize(memory, _LIBC.munmap, address, size).atexit = False
    data: NDArray[np.uint8] = np.ctypeslib.as_array(memory)
    data.flags.writeable = False
    return data
