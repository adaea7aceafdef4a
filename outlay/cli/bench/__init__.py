"""`outlay bench`: measuring strategies on questions with known answers."""
