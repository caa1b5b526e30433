"""Slow plain reference of co-location: every pair of pings, haversine by NumPy, nothing clever."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import numpy as np

R = 6371008.8


def haversine(lat1, lon1, lat2, lon2):
    p1, p2 = np.radians(lat1), np.radians(lat2)
    u, v = np.sin((p2 - p1) / 2), np.sin(np.radians(lon2 - lon1) / 2)
    return 2 * R * np.arcsin(np.sqrt(np.minimum(1.0, u * u + np.cos(p1) * np.cos(p2) * v * v)))


def epoch(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def pairs(pings, windows, *, start, end, radius_m=50.0, slot_seconds=600, minutes=20):
    """pings: rows (token, seconds, lat, lon); windows: {token: (from, to)} -> {pair: (slots, metres)}."""
    met = defaultdict(set)
    nearest = {}
    for token, t, lat, lon in pings:
        if token not in windows:
            continue
        low, high = max(windows[token][0], start), min(windows[token][1], end)
        if not low <= t < high:
            continue
        for other, u, lat2, lon2 in pings:
            if other == token or not low <= u < high or t // slot_seconds != u // slot_seconds:
                continue
            d = float(haversine(lat, lon, lat2, lon2))
            if d <= radius_m:
                met[token, other].add(int(t // slot_seconds))
                nearest[token, other] = min(nearest.get((token, other), np.inf), d)
    return {
        key: (slots, nearest[key]) for key, slots in met.items() if len(slots) * slot_seconds >= minutes * 60
    }
