"""What a bench found, for people: words, a table, a picture, a page."""
