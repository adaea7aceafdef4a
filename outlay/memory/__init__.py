"""What is remembered, and the modules that extract from it."""
