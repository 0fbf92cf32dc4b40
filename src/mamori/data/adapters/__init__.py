"""Adapters: each reads one installed data package and returns plain arrays or records."""
