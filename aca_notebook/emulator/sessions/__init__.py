"""Dynamic sessions: pools of sandboxes, what runs in them, and the data plane that calls them (facts §5)."""
