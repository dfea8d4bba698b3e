"""Affine maps of places on an image: points and boxes go to the network's input and back.

Coordinates are those of edges, not of centres: an image of W pixels reaches from 0 to W, and the
first pixel's middle is at 0.5. So a map does not depend on how pixels are interpolated.
"""

from __future__ import annotations

import numpy as np

__all__ = ["chain", "invert", "map_boxes", "map_points", "visible_share"]


def map_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns where points go.

    Args:
        matrix: (2, 3).
        points: (n, 2) x, y.

    Returns:
        (n, 2) float64.
    """
    points = np.asarray(points, np.float64).reshape(-1, 2)
    return points @ matrix[:, :2].T + matrix[:, 2]


def map_boxes(matrix: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns the upright boxes around where boxes go.

    Args:
        matrix: (2, 3). Where it turns by no multiple of 90 degrees the result is larger than the
            box, and going there and back does not give the same box.
        boxes: (n, 4) left, top, right, bottom.

    Returns:
        (n, 4) float64.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    # The four corners of each, in any order.
    corners = map_points(matrix, boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]]).reshape(-1, 4, 2)
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)


def invert(matrix: np.ndarray) -> np.ndarray:
    """Returns the (2, 3) map back.

    Args:
        matrix: (2, 3).

    Raises:
        numpy.linalg.LinAlgError: If it maps everything to a line.
    """
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack((back, -back @ matrix[:, 2]))


def chain(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the (2, 3) map that does what two do, one after the other."""
    linear = second[:, :2] @ first[:, :2]
    return np.column_stack((linear, second[:, :2] @ first[:, 2] + second[:, 2]))


def visible_share(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """Returns which share of each box's area lies on an image.

    Args:
        boxes: (n, 4) left, top, right, bottom.
        width: Of the image.
        height: Of the image.

    Returns:
        (n,) float64 from 0 to 1; 0 for a box without area.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    inside = np.clip(boxes, 0, [width, height, width, height])
    whole, seen = (
        np.maximum(each[:, 2:] - each[:, :2], 0).prod(axis=1) for each in (boxes, inside)
    )
    return np.divide(seen, whole, out=np.zeros(len(boxes)), where=whole > 0)
