"""Use cases, one module a verb; no Dagster and no command line here."""
