"""Arrays in, arrays out: the kernels. Knows nothing of uploads, datasets or settings."""
