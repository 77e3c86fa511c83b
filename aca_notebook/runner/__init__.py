"""Serves a bundle: ships into the container and imports nothing else of ours.

`python -m aca_notebook.runner` in a bundle's folder reads `bundle.json`, imports the user's module and answers HTTP.
"""
