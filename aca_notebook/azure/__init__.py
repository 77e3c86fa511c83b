"""The only place that knows Azure's SDKs, URLs and api-versions."""
