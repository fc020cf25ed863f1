"""Makes rows fit the schema, or rejects them with a reason."""
