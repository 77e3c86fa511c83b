"""The server half of the JupyterLab extension: what the panel, the docks and the status bar ask."""
