"""The spine: what happened, appended once and durable. Everything else is a fold over it."""
