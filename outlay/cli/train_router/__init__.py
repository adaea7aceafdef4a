"""`outlay train-router`: logging what tiers earn and cost, and learning from it which to pay for."""
