"""How many replicas: KEDA's and the HPA's decisions, as pure functions."""
