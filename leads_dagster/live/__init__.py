"""`leads up` without Dagster: keeping a table of processes running, heard, healthy, and stopped together."""
