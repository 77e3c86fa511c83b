"""Resource Manager templates: their language and what follows from one. Nothing here does I/O or knows a time."""
