"""The emulator's description of itself: OpenAPI 3.1, made from the route table when somebody asks (ADR 9)."""
