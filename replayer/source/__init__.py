"""Any input file becomes an iterator of Arrow record batches."""
