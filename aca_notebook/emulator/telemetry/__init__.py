"""Logs and metrics of apps, kept cheaply and answered as Azure answers."""
