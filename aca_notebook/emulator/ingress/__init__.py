"""Lets requests into apps: routing decides, the proxy carries, the site waits for replicas."""
