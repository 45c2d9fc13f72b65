"""Pictures, drawn from frames. They need the `plot` extra, and load matplotlib when they are drawn."""
