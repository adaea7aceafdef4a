"""The tiers that ask no model: words and grammar at LOW, embeddings and dates worked out at MID."""
