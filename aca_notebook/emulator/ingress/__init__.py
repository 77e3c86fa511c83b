"""The front door of apps: routing, waiting for a first replica, and the proxy."""
