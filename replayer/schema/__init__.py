"""What a record looks like, and why: Avro schemas, inference, names, registries."""
