"""The only Dagster code."""
