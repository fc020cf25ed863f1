"""The only package that knows librdkafka."""
