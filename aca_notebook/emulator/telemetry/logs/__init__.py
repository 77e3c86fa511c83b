"""Log Analytics: what containers and the platform wrote, kept in tables and asked with KQL."""
