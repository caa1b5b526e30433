"""Positions of phones: one pass a day over the phones that report."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np
from numba import njit

_G = np.uint64(0x9E3779B97F4A7C15)
_A = np.uint64(0xBF58476D1CE4E5B9)
_B = np.uint64(0x94D049BB133111EB)


@njit(cache=True, inline="always")
def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * _A
    z = (z ^ (z >> np.uint64(27))) * _B
    return z ^ (z >> np.uint64(31))


@njit(cache=True, inline="always")
def _unit(z):
    return (_mix(z) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True)
def pings(
    seed, day, workday, phone, tower, household, home, team, team_at, room, room_at, ride,
    absent, at_home, seller, x, y, v_lo, v_hi, v_start, v_end, v_anchor, bus,
    out_phone, out_second, out_x, out_y, out_accuracy, out_tower,
):  # fmt: skip
    """Writes the day's positions of each phone in turn, by time; returns their number.

    A GPS-like phone reports in each ten-minute slot at markets, venues and in transit, in every second
    slot at work and school, in every third at home, with an error of up to 5.5 m (one in fifty: 20 to 80
    m). A tower-like phone reports in every sixth slot with an error of about 500 m. Slots run from 08:00
    to 23:50 local time. ``bus[g]``: start and end (x0, y0, x1, y1) of ride g.
    """
    n = 0
    for at in range(phone.size):
        if absent[at]:
            continue
        key = np.uint64(seed) * _G ^ (np.uint64(phone[at]) * np.uint64(1_000_003) + np.uint64(day)) * _B
        phase = int(_unit(np.uint64(phone[at]) * _A ^ np.uint64(seed)) * 480.0)
        row = v_lo[at]
        for slot in range(48, 143):
            minute = slot * 10 + 5
            while row < v_hi[at] and v_end[row] <= minute:
                row += 1
            px = x[home[at]]
            py = y[home[at]]
            every, shift = 3, household[at] % 3
            if not at_home[at]:
                if row < v_hi[at] and v_start[row] <= minute:
                    if v_anchor[row] < 0:
                        continue
                    px, py = x[v_anchor[row]], y[v_anchor[row]]
                    every, shift = 1, 0
                elif seller[at]:
                    pass
                elif workday and team[at] >= 0 and (slot < 105 + 3):
                    moving = slot < 51 or slot >= 105
                    if moving:
                        g = ride[at]
                        if g < 0:
                            continue
                        step = slot - 48 if slot < 51 else 107 - slot
                        part = (step + 0.5) / 3.0
                        px = bus[g, 0] + (bus[g, 2] - bus[g, 0]) * part
                        py = bus[g, 1] + (bus[g, 3] - bus[g, 1]) * part
                        every, shift = 1, 0
                    else:
                        px, py = x[team_at[at]], y[team_at[at]]
                        every, shift = 2, team[at] % 2
                elif workday and room[at] >= 0 and slot < 99:
                    px, py = x[room_at[at]], y[room_at[at]]
                    every, shift = 2, room[at] % 2
            if tower[at]:
                every, shift = 6, phone[at] % 6
            if slot % every != shift:
                continue
            draw = key + np.uint64(slot) * _G
            angle = 2.0 * np.pi * _unit(draw)
            far = _unit(draw + np.uint64(1))
            if tower[at]:
                spread = 500.0 * np.sqrt(-2.0 * np.log(1.0 - far))
                accuracy = 300 + int(1200 * _unit(draw + np.uint64(2)))
            elif _unit(draw + np.uint64(3)) < 0.02:
                spread = 20.0 + 60.0 * far
                accuracy = 40 + int(60 * far)
            else:
                spread = 5.5 * np.sqrt(far)
                accuracy = 5 + int(12 * far)
            out_phone[n] = phone[at]
            out_second[n] = slot * 600 + phase + int(_unit(draw + np.uint64(4)) * 12.0) * 10
            out_x[n] = px + spread * np.cos(angle)
            out_y[n] = py + spread * np.sin(angle)
            out_accuracy[n] = accuracy
            out_tower[n] = 1 if tower[at] else 0
            n += 1
    return n
