"""Everything that makes it run: command line, configuration, log, workers."""
