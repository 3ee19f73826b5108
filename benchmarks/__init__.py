"""Costs and durations, as ratios against a peer in the same run."""
