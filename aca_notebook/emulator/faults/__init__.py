"""Azure's bad days, rehearsed: which faults are in force, and what Azure says when one strikes."""
