"""Runs one program that nobody trusts, as far from everything else as this machine allows."""
