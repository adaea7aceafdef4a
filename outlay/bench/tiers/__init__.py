"""What a policy of tiers learnt, and how it does beside what it must beat: figures, words and pictures."""
