"""What replayer is measured against, each in a process of its own, and the command that runs replayer itself."""
