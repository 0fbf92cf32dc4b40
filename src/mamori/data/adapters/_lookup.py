"""Find where each row of a table belongs, millions of rows at a time."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

MAXIMUM_DENSE = 10_000_000
"""Up to this range of whole numbers an array tells where each lies; beyond it a join does."""
_SLOT_BITS = 21
_SLOT_SHIFT = np.uint64(64 - _SLOT_BITS)
"""A text is found by the first bits of its hash, and by the whole of it where several share them."""


class Lookup:
    """Where each distinct combination of some columns of a table lies: its series, or its period.

    `places` holds the combinations, then the position in its last column. Only these combinations may be asked
    for, so that the hash of a text, checked once to be its own, is enough to know it.
    """

    def __init__(self, places: "pl.DataFrame") -> None:
        import polars as pl

        *self.names, self._position = places.columns
        self._places = places
        self._find = self._joined
        if len(self.names) != 1:
            return
        column, positions = places.get_column(self.names[0]), places.get_column(self._position).to_numpy()
        if column.dtype == pl.Date or column.dtype.is_integer():
            keys = column.to_physical().to_numpy().astype(np.int64)
            if np.ptp(keys) < MAXIMUM_DENSE:
                self._first = keys.min()
                self._dense = np.zeros(int(np.ptp(keys)) + 1, dtype=np.int64)
                self._dense[keys - self._first] = positions
                self._find = self._counted
        elif column.dtype == pl.String:
            hashes = column.hash(0).to_numpy()
            if len(np.unique(hashes)) == len(hashes):
                order = np.argsort(hashes)
                self._hashes, self._positions = hashes[order], positions[order]
                slots = hashes >> _SLOT_SHIFT
                self._dense = np.full(1 << _SLOT_BITS, -1, dtype=np.int64)
                self._dense[slots] = positions
                taken, times = np.unique(slots, return_counts=True)
                self._dense[taken[times > 1]] = -1
                self._find = self._hashed

    def __call__(self, batch: "pl.DataFrame") -> np.ndarray:
        """Return the position of each row of `batch`."""
        return self._find(batch) if self.names else np.zeros(batch.height, dtype=np.int64)

    def _counted(self, batch: "pl.DataFrame") -> np.ndarray:
        keys = batch.get_column(self.names[0]).to_physical().to_numpy().astype(np.int64, copy=False)
        return np.asarray(self._dense[keys - self._first])

    def _hashed(self, batch: "pl.DataFrame") -> np.ndarray:
        hashes = batch.get_column(self.names[0]).hash(0).to_numpy()
        found = self._dense[hashes >> _SLOT_SHIFT]
        shared = np.flatnonzero(found < 0)
        found[shared] = self._positions[np.searchsorted(self._hashes, hashes[shared])]
        return np.asarray(found)

    def _joined(self, batch: "pl.DataFrame") -> np.ndarray:
        rows = batch.select(self.names)
        joined = rows.join(self._places, on=self.names, how="left", nulls_equal=True, maintain_order="left")
        return joined.get_column(self._position).to_numpy()
