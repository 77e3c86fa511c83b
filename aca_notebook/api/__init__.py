"""What users hold: workspaces, apps, functions, deployments, log streams."""
