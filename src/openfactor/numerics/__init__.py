"""Kernels: arrays in, arrays out. Nothing here knows of uploads, datasets or settings."""

from openfactor import kernelcache


def _kernel() -> None:
    """A stand-in for the kernels of this package, to find a writable cache folder for their machine code."""


kernelcache.provide(_kernel)
