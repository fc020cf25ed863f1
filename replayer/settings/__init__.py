"""Where settings come from: the project file, .env and the environment, and how wrong ones are told."""
