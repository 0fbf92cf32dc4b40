"""Adapters: each reads one installed data package, or one format of the files that users hold."""
