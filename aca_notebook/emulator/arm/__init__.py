"""The control plane: Azure Resource Manager's routes, one file a noun."""
