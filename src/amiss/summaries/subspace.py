"""What lies inside and outside the span of a few directions."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["axes", "inside_terms", "limit", "metric", "outside_terms"]

_LIMIT_RATE = 0.01
_LEAST = 1e-9
_FEW_COLUMNS = 64


def axes(covariance: Matrix) -> tuple[Vector, Matrix]:
    """Variances (n_features,), widest first, and the orthonormal directions (n_features, n_features) they lie along."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return np.maximum(eigenvalues[::-1], 0.0), np.ascontiguousarray(vectors[:, ::-1].T)


def inside_terms(Z: Matrix, components: Matrix, variances: Vector) -> Matrix:
    """What each feature adds to Hotelling's T² of centred rows in the span of `components`: (n_rows, n_features).

    The terms of the complete decomposition (Alcala and Qin, 2009): none is negative.
    """
    inside = _times(Z, components.T) / np.sqrt(np.maximum(variances, _LEAST))
    square: Matrix = _times(inside, components) ** 2
    return square


def outside_terms(Z: Matrix, components: Matrix) -> Matrix:
    """What each feature adds to the squared distance Q of centred rows to that span: (n_rows, n_features)."""
    square: Matrix = (Z - _times(_times(Z, components.T), components)) ** 2
    return square


def metric(components: Matrix, variances: Vector, inside: float, outside: float) -> Matrix:
    """The matrix in which a centred row's squared length is `inside` times T² plus `outside` times Q."""
    along = components / np.sqrt(np.maximum(variances, _LEAST))[:, None]
    whole: Matrix = inside * along.T @ along + outside * (np.eye(components.shape[1]) - components.T @ components)
    return whole


def _times(A: Matrix, B: Matrix) -> Matrix:
    """Their product. The threads of a matrix library cost more than they save where there are few columns."""
    product: Matrix = np.einsum("ij,jk->ik", A, B) if max(B.shape) <= _FEW_COLUMNS else A @ B
    return product


def limit(variances: Vector) -> float:
    """What a sum of squares of independent normal values with these variances exceeds once in a hundred (Box, 1954)."""
    from scipy.special import chdtri

    total = float(variances.sum())
    if total <= _LEAST:
        return _LEAST
    weight = float((variances**2).sum()) / total
    return float(weight * chdtri(total / weight, _LIMIT_RATE))
