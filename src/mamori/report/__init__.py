"""The report of an exercise: one HTML page that needs no network."""
