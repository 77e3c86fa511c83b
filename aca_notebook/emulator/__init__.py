"""A server that speaks Azure's REST API and runs real processes. Started as a process, never imported by clients."""
