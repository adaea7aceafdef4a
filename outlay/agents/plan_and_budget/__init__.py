"""Plan-and-Budget: plan sub-questions, weigh them, spend on each what it deserves."""
