"""Replicas: what should run, what does, and the processes themselves."""
