"""Views that live in the page of a notebook, each beside the static card that stays when it is gone (ADR 15).

A view is an anywidget: one Python class and one plain JavaScript module of the same name, kept in this folder, with no
build step and nothing from another server. Nothing here is imported before a view is shown.
"""
