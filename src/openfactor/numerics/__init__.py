"""Arrays in, arrays out: the kernels. Knows nothing of uploads, datasets or settings."""

from openfactor import kernelcache


def _kernel() -> None:
    """Stands for the kernels of this package when a place for their machine code is looked for."""


kernelcache.provide(_kernel)
