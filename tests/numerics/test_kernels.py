"""Small kernels against obvious loops and closed forms."""

import importlib
import pkgutil

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from openfactor import numerics
from openfactor.numerics.half_precision import widen
from openfactor.numerics.normal_equations import constrained_inverse, invert
from openfactor.numerics.weighting import regression_weights


@pytest.mark.parametrize("n", [1, 2, 17, 73])
def test_inverse(n: int) -> None:
    matrix = np.random.default_rng(n).standard_normal((n, n))
    matrix[0, 0] = 0.0 if n > 1 else 2.0  # asks for a pivot from another row
    inverse = matrix.copy()
    assert invert(inverse)
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), atol=1e-9)


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.array([[np.nan]]), np.array([[1.0, 1], [1, 1]])])
def test_matrix_without_inverse(matrix: np.ndarray) -> None:
    assert not invert(matrix.copy())


@pytest.mark.parametrize("diagonal", [(0, 0), (2, 6)])
def test_saddle_point_system_against_lapack(diagonal: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    a = rng.standard_normal((30, 8))
    a[:, 2:6] = np.eye(4)[rng.integers(0, 4, 30)]
    gram = a.T @ a
    constraints = np.zeros((3, 8))
    constraints[0, 2:6], constraints[1, 6:] = rng.uniform(1, 2, 4), 1.0
    active = np.array([1, 1, 1, 1, 0, 1, 1, 1], bool)
    constraints[:, 4] = 0
    solved, inverse, rank, condition = constrained_inverse(gram, constraints, active, *diagonal)
    assert solved
    assert rank == 5
    c = constraints[:2][:, active]
    system = np.block([[gram[np.ix_(active, active)], c.T], [c, np.zeros((2, 2))]])
    expected = np.linalg.inv(system)[:7, :7]
    np.testing.assert_allclose(inverse[np.ix_(active, active)], expected, atol=1e-12)
    assert (inverse[4] == 0).all()
    scale = 1 / np.sqrt(np.diag(gram)[active])
    scaled = gram[np.ix_(active, active)] * np.outer(scale, scale)
    unscaled = np.abs(expected / np.outer(scale, scale)).sum(axis=0).max()
    assert condition == pytest.approx(max(unscaled, 1) * np.abs(scaled).sum(axis=0).max(), rel=1e-9)


def test_every_half_precision_number_widens_as_numpy_says() -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    out = np.empty(2**16)
    widen(bits, out)
    expected = bits.view(np.float16).astype(np.float64)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(out[finite], expected[finite])
    np.testing.assert_array_equal(np.signbit(out[finite]), np.signbit(expected[finite]))
    assert np.isnan(out[~finite]).all()


def test_weights() -> None:
    caps = np.array([4.0, 0.0, np.nan, -1.0])
    vol = np.array([0.5, 0.1, 0.0, np.nan])
    assert regression_weights("SqrtCap", caps, vol).tolist() == [2, 0, 0, 0]
    assert regression_weights("Cap", caps, vol).tolist() == [4, 0, 0, 0]
    np.testing.assert_allclose(regression_weights("InvIdioVar", caps, vol), [4, 100, 0, 0])
    assert regression_weights("Equal", caps, vol).tolist() == [1, 1, 1, 1]


def test_exposures_that_overflow_have_no_condition_number() -> None:
    """The diagonal block is taken for the identity, which infinity is not: NaN, so that nobody trusts it."""
    gram = np.array([[np.inf, 0.5], [0.5, 1.0]])
    _, _, _, condition = constrained_inverse(gram, np.zeros((0, 2)), np.ones(2, bool), 0, 1)
    assert np.isnan(condition)


@pytest.mark.compiled
def test_no_kernel_calls_a_kernel_of_another_file() -> None:
    """numba's cache would not notice a change of the other file, and go on running its old code."""
    seen = 0
    for info in pkgutil.iter_modules(numerics.__path__):
        module = importlib.import_module(f"openfactor.numerics.{info.name}")
        kernels = [v for v in vars(module).values() if isinstance(v, Dispatcher)]
        for kernel in (k for k in kernels if k.py_func.__module__ == module.__name__):
            called = (vars(module).get(name) for name in kernel.py_func.__code__.co_names)
            for other in (c for c in called if isinstance(c, Dispatcher)):
                seen += 1
                assert other.py_func.__module__ == module.__name__, (kernel, other)
    assert seen >= 5
