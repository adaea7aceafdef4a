"""`outlay bank`: the demonstrations that a teacher leaves, and when a cascade over them pays."""
