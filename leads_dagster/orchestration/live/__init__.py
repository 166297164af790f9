"""What makes one second true: the processes of `leads up`, and the parts of Dagster's that they keep warm."""
