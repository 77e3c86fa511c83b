"""Who is asking: tokens, OIDC discovery, the managed-identity endpoint and the doors of routes."""
