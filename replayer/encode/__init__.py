"""Encodes Arrow record batches column by column into a buffer that the caller gives."""
