"""Seeing outbreaks early: detectors, space-time scan, One Health fusion, timeliness."""
