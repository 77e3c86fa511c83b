"""Application Insights: what programs send of their calls, and the tables it is found in."""
