"""The version endpoints: routes over the same state as the architect dialect's, and nothing else."""
