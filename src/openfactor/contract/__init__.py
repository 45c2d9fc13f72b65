"""What crosses the seam between what a user holds and the engine: calls, values and their bytes."""
