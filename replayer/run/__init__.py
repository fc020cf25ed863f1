"""The only package that starts processes: supervisor, reader, workers, embedded broker."""
