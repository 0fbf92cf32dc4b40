"""Interpolated gamma quantiles against those computed one by one."""

import numpy as np
from scipy.special import gammaincinv

from mamori.inference._gamma_quantiles import unit_gamma_quantiles
from mamori.inference.reproduction import PROBABILITIES


def test_they_are_those_of_scipy() -> None:
    shape = np.concatenate([np.geomspace(1.0, 1e9, 2000), np.linspace(0.02, 0.999, 20)])
    want = gammaincinv(shape[:, None], PROBABILITIES)
    np.testing.assert_allclose(unit_gamma_quantiles(shape, PROBABILITIES), want, rtol=1e-12)


def test_an_unknown_shape_has_no_quantiles() -> None:
    got = unit_gamma_quantiles(np.array([np.nan, 2.0]), PROBABILITIES)
    assert np.isnan(got[0]).all()
    assert np.isfinite(got[1]).all()
