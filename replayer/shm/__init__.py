"""All that lives in shared memory, and only that."""
