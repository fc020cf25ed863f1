"""Pure functions from record index to due time, and the arithmetic of the token bucket. No clock."""
