"""Azure's vocabulary as values: no I/O, the standard library only."""
