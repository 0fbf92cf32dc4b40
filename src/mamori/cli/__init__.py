"""The command line: each command reads, calls one documented function and writes."""
