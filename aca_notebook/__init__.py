"""Deploy a notebook cell to a GPU app on Azure Container Apps, or to the same API on your laptop."""
