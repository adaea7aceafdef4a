"""`outlay train-router`: learning which tiers to pay for."""
