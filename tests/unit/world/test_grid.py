"""Cells of the city are handed out as the plain way would hand them out, without looking at every cell."""

from __future__ import annotations

import numpy as np
import pytest

from lianfang.world.people import Grid


class Plain:
    """Each district's free cells in a list; the nearest to the first of it by sorting them all."""

    def __init__(self, grid: Grid) -> None:
        self.x, self.y = grid.x, grid.y
        self.free = [order.tolist() for order in grid._order]

    def take(self, district: int, number: int) -> list[int]:
        cells, self.free[district] = self.free[district][:number], self.free[district][number:]
        return cells

    def block(self, district: int, number: int) -> list[int]:
        free = np.array(self.free[district])
        distance = np.hypot(self.x[free] - self.x[free[0]], self.y[free] - self.y[free[0]])
        chosen = free[np.argsort(distance, kind="stable")[:number]].tolist()
        self.free[district] = [cell for cell in self.free[district] if cell not in chosen]
        return chosen


@pytest.mark.parametrize("seed", range(4))
def test_blocks_and_scattered_cells_are_those_of_the_plain_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = Grid(np.array([900, 700, 500, 300, 120]), rng)
    plain = Plain(grid)
    handed: set[int] = set()
    for _ in range(400):
        district, number = int(rng.integers(5)), int(rng.integers(1, 21))
        if len(plain.free[district]) < number:
            continue
        how = "block" if rng.random() < 0.6 else "take"
        cells = getattr(grid, how)(district, number).tolist()
        assert cells == getattr(plain, how)(district, number)
        assert handed.isdisjoint(cells)
        handed.update(cells)
    assert len(handed) > 1_500
    for district in range(5):  # until nothing is left, and not one more
        rest = len(plain.free[district])
        if rest:
            assert grid.block(district, rest).tolist() == plain.block(district, rest)
        assert grid.take(district, 5).size == 0
