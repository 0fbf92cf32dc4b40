"""How long the work takes, beside other programs: ``python -m benchmarks``."""

import os

# One thread, as the other programs were measured; NumPy's own threads only wait for each other on small matrices.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
