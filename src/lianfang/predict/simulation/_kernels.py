"""The day loop. Work grows with the number of infectious agents, not with the population.

Only contacts of infectious agents are drawn: a contact between two who are not infectious changes nothing.
The contacts of agent i on day d in layer l come from a stream of their own, keyed by (seed, i, d, l), so
that contact tracing can enumerate the same contacts afterwards without any having been stored.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, inline="always")
def _next(state):
    """splitmix64 (Steele, Lea & Flood 2014); ``state`` is a one-element array."""
    state[0] += _GOLDEN
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * _M1
    z = (z ^ (z >> np.uint64(27))) * _M2
    return z ^ (z >> np.uint64(31))


@njit(cache=True, inline="always")
def _uniform(state):
    return (_next(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True)
def _normal(state):
    u = 1.0 - _uniform(state)
    return np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * _uniform(state))


@njit(cache=True)
def _lognormal(state, mean, sd):
    if sd <= 0.0:
        return mean
    s2 = np.log(1.0 + (sd / mean) ** 2)
    return np.exp(np.log(mean) - 0.5 * s2 + np.sqrt(s2) * _normal(state))


@njit(cache=True)
def _poisson(state, mean):
    """Knuth's product for the small means of daily contacts; splits large ones."""
    total = 0
    while mean > 20.0:
        limit, product = np.exp(-20.0), _uniform(state)
        while product > limit:
            total += 1
            product *= _uniform(state)
        mean -= 20.0
    limit, product = np.exp(-mean), _uniform(state)
    while product > limit:
        total += 1
        product *= _uniform(state)
    return total


@njit(cache=True, inline="always")
def _key(state, seed, agent, day, layer):
    state[0] = (
        np.uint64(seed) * _M1
        ^ np.uint64(agent) * _GOLDEN
        ^ np.uint64(day) * _M2
        ^ (np.uint64(layer) + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93)
    )
    _next(state)


@njit(cache=True)
def _fall_ill(i, time, who, where, state, decade, p, course, infector, setting):
    """Draws the natural history of ``i`` infected at ``time``.

    course columns: infected, onset, infectious_from, infectious_to, home_from, admitted.
    p: incubation mean, sd, infectious mean, sd, lead, latent_min, stay_home, stay_home_after, admission
    mean, sd. decade: symptomatic and severe probability by agent (columns 0 and 1).
    """
    infector[i] = who
    setting[i] = where
    incubation = min(max(_lognormal(state, p[0], p[1]), 0.5), 30.0)
    start = max(incubation - p[4], p[5])
    length = max(_lognormal(state, p[2], p[3]), 0.5)
    course[i, 0] = time
    course[i, 2] = time + start
    course[i, 3] = time + start + length
    if _uniform(state) < decade[i, 0]:
        onset = time + incubation
        course[i, 1] = onset
        if _uniform(state) < p[6]:
            course[i, 4] = onset + p[7]
        if _uniform(state) < decade[i, 1]:
            admitted = onset + min(max(_lognormal(state, p[8], p[9]), 1.0), 21.0)
            course[i, 5] = admitted
            course[i, 4] = min(onset + p[7] + 0.5, admitted) if np.isnan(course[i, 4]) else course[i, 4]


@njit(cache=True)
def run_agents(
    days, seed, suscept, decade, p, profile, asymptomatic,
    groups, ptr, ptr_at, members, member_at, contacts, beta, stays_home,
    v_first, v_person, v_group_lo, v_group_hi, v_start, v_end, v_setting, v_order, v_beta,
    seed_person, seed_time,
):  # fmt: skip
    """One epidemic.

    groups[l, i]: group of agent i in layer l (-1: none). The members of group g of layer l are
    members[member_at[l] + ptr[ptr_at[l] + g] : member_at[l] + ptr[ptr_at[l] + g + 1]].
    contacts[l]: mean met a day, negative: all. beta[day, l]. stays_home[l]: goes on for those at home.
    Visits are sorted by day, then group; v_first[day] bounds a day, v_group_lo/hi the row's group; v_order
    lists the rows of each day by person.
    """
    n = suscept.size
    layers = contacts.size
    course = np.full((n, 6), np.nan)
    infector = np.full(n, -1, np.int32)
    setting = np.full(n, -1, np.int8)
    state = np.empty(1, np.uint64)
    draw = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * _M2 + _GOLDEN
    active = np.empty(n, np.int32)
    alive = 0
    parts = profile.size
    next_seed = 0
    for day in range(days):
        while next_seed < seed_person.size and seed_time[next_seed] < day + 1:
            i = seed_person[next_seed]
            if np.isnan(course[i, 0]):
                _fall_ill(i, seed_time[next_seed], -1, -1, state, decade, p, course, infector, setting)
                active[alive] = i
                alive += 1
            next_seed += 1
        kept = 0
        tonight = alive
        noon = day + 0.5
        for a in range(tonight):
            i = active[a]
            if noon >= course[i, 3]:
                continue
            active[kept] = i
            kept += 1
            if noon < course[i, 2] or noon >= course[i, 5]:
                continue
            part = int((noon - course[i, 2]) / (course[i, 3] - course[i, 2]) * parts)
            force = profile[min(part, parts - 1)]
            if np.isnan(course[i, 1]):
                force *= asymptomatic
            home = noon >= course[i, 4]
            for layer in range(layers):
                strength = beta[day, layer] * force
                if strength <= 0.0 or (home and not stays_home[layer]):
                    continue
                g = groups[layer, i]
                if g < 0:
                    continue
                lo = member_at[layer] + ptr[ptr_at[layer] + g]
                hi = member_at[layer] + ptr[ptr_at[layer] + g + 1]
                size = hi - lo
                if size < 2:
                    continue
                _key(draw, seed, i, day, layer)
                everyone = contacts[layer] < 0.0
                met = size if everyone else _poisson(draw, contacts[layer])
                for m in range(met):
                    j = members[lo + m] if everyone else members[lo + int(_uniform(draw) * size)]
                    if j == i or not np.isnan(course[j, 0]):
                        continue
                    if _uniform(draw) < 1.0 - np.exp(-strength * suscept[j]):
                        moment = day + 0.35 + 0.4 * _uniform(draw)
                        _fall_ill(j, moment, i, layer, state, decade, p, course, infector, setting)
                        active[alive] = j
                        alive += 1
            if home or v_first.size == 0:
                continue
            first, last = v_first[day], v_first[day + 1]
            lo, hi = first, last
            while lo < hi:
                middle = (lo + hi) // 2
                if v_person[v_order[middle]] < i:
                    lo = middle + 1
                else:
                    hi = middle
            while lo < last and v_person[v_order[lo]] == i:
                row = v_order[lo]
                lo += 1
                rate = v_beta[day, v_setting[row]] * force / 60.0
                if rate <= 0.0:
                    continue
                _key(draw, seed, i, day, 1000 + row - first)
                for other in range(v_group_lo[row], v_group_hi[row]):
                    j = v_person[other]
                    if j == i or not np.isnan(course[j, 0]):
                        continue
                    begin = max(v_start[row], v_start[other])
                    end = min(v_end[row], v_end[other])
                    if end <= begin:
                        continue
                    if _uniform(draw) < 1.0 - np.exp(-rate * (end - begin) * suscept[j]):
                        moment = day + (begin + (end - begin) * _uniform(draw)) / 1440.0
                        _fall_ill(
                            j, moment, i, layers + v_setting[row], state, decade, p, course, infector, setting
                        )
                        active[alive] = j
                        alive += 1
        for a in range(tonight, alive):
            active[kept] = active[a]
            kept += 1
        alive = kept
    return course, infector, setting
