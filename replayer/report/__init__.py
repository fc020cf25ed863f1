"""One versioned model of a run, and every format as a function of it."""
