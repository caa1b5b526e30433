"""The day loop. Work grows with the number of infectious agents, not with the population.

Only contacts of infectious agents are drawn: a contact between two who are not infectious changes nothing.
The contacts of agent i on day d in layer l come from a stream of their own, keyed by (seed, i, d, l), so
that contact tracing can enumerate the same contacts afterwards without any having been stored.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from collections import namedtuple

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


@njit(cache=True, inline="always")
def _count(state, cdf):
    """A draw from the distribution on 0, 1, ... with cumulative probabilities ``cdf`` (the last is 1)."""
    u = _uniform(state)
    lo, hi = 0, cdf.size - 1
    while lo < hi:
        middle = (lo + hi) // 2
        if cdf[middle] <= u:
            lo = middle + 1
        else:
            hi = middle
    return lo


@njit(cache=True, inline="always")
def _key(state, seed, agent, day, layer):
    state[0] = (
        np.uint64(seed) * _M1
        ^ np.uint64(agent) * _GOLDEN
        ^ np.uint64(day) * _M2
        ^ (np.uint64(layer) + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93)
    )
    _next(state)


# Layers: members of group g of layer l are
# members[member_at[l] + ptr[ptr_at[l] + g] : member_at[l] + ptr[ptr_at[l] + g + 1]]; contacts[l]: mean met a day,
# negative: all, and cdf[l] its Poisson distribution; beta[day, l]; at_home[l]: goes on for those who stay at home.
Net = namedtuple("Net", "groups ptr ptr_at members member_at contacts cdf beta at_home")
# Visits, sorted by day, then group: first[day] bounds a day, lo/hi bound the row's group; order lists the rows of each
# day by person; beta[day, setting] an hour.
Meet = namedtuple("Meet", "first person lo hi start end setting order beta")
# Natural history: decade[i] = chances of symptoms and of severity; p as in ``engine._natural_history``.
Ill = namedtuple("Ill", "suscept decade p profile asymptomatic")
# Measures, see ``engine._measures``; trace[l] and masked[l] run over layers, then visit settings.
Care = namedtuple(
    "Care",
    "test_from test_ill test_well test_delay sensitivity home_factor trace_from trace_delay trace_back quarantine "
    "trace mask_from mask_out mask_in masked wears",
)
# Course of the agents; times: infected, onset, infectious from, infectious to, home from, admitted, diagnosed,
# quarantined until, result of a positive test due, contacts traced on. free[i]: never infected (small, hot).
Run = namedtuple("Run", "times infector setting active tests free")
INFECTED, ONSET, SHED_FROM, SHED_TO, HOME, ADMITTED, DIAGNOSED, KEPT_UNTIL, RESULT, TRACED = range(10)


@njit(cache=True)
def _fall_ill(i, time, who, where, state, ill, run):
    """Draws the natural history of ``i`` infected at ``time`` by ``who`` in setting ``where``."""
    p = ill.p
    run.free[i] = False
    run.infector[i] = who
    run.setting[i] = where
    incubation = min(max(_lognormal(state, p[0], p[1]), 0.5), 30.0)
    start = max(incubation - p[4], p[5])
    length = max(_lognormal(state, p[2], p[3]), 0.5)
    run.times[i, INFECTED] = time
    run.times[i, SHED_FROM] = time + start
    run.times[i, SHED_TO] = time + start + length
    if _uniform(state) < ill.decade[i, 0]:
        onset = time + incubation
        run.times[i, ONSET] = onset
        if _uniform(state) < p[6]:
            run.times[i, HOME] = onset + p[7]
        if _uniform(state) < ill.decade[i, 1]:
            admitted = onset + min(max(_lognormal(state, p[8], p[9]), 1.0), 21.0)
            run.times[i, ADMITTED] = admitted
            if np.isnan(run.times[i, HOME]):
                run.times[i, HOME] = min(onset + p[7] + 0.5, admitted)


@njit(cache=True)
def _visits_of(i, day, meet):
    """Bounds, in ``meet.order``, of the presences of ``i`` on ``day``."""
    lo, last = meet.first[day], meet.first[day + 1]
    hi = last
    while lo < hi:
        middle = (lo + hi) // 2
        if meet.person[meet.order[middle]] < i:
            lo = middle + 1
        else:
            hi = middle
    end = lo
    while end < last and meet.person[meet.order[end]] == i:
        end += 1
    return lo, end


@njit(cache=True)
def _test(i, day, noon, state, care, run):
    """Takes a test of ``i``; a positive result comes after the delay. Nobody else is positive."""
    run.tests[day] += 1
    found = noon >= run.times[i, SHED_FROM] - 0.5 and noon < run.times[i, INFECTED] + 21.0
    if found and _uniform(state) < care.sensitivity:
        run.times[i, RESULT] = day + care.test_delay


@njit(cache=True)
def _keep(j, day, noon, state, care, run):
    """Quarantines a traced contact and tests him if he is infected."""
    run.times[j, KEPT_UNTIL] = max(day + care.quarantine, 0.0)
    if np.isnan(run.times[j, INFECTED]):
        run.tests[day] += 1
    elif np.isnan(run.times[j, DIAGNOSED]) and np.isnan(run.times[j, RESULT]):
        _test(j, day, noon, state, care, run)


@njit(cache=True)
def _trace(i, day, noon, seed, state, draw, net, meet, care, run):
    """Finds the contacts of ``i`` since two days before onset, or since infectious, not before ``trace_back`` days.

    The same streams are drawn that ``_spread`` drew, so these are the contacts that took place.
    """
    since = run.times[i, SHED_FROM] if np.isnan(run.times[i, ONSET]) else run.times[i, ONSET] - 2.0
    first = max(int(np.floor(since)), day - int(care.trace_back), 0)
    layers = net.contacts.size
    for past in range(first, day):
        home = past + 0.5 >= run.times[i, HOME] or past + 0.5 < run.times[i, KEPT_UNTIL] - care.quarantine
        for layer in range(layers):
            if care.trace[layer] <= 0.0 or net.beta[past, layer] <= 0.0 or (home and not net.at_home[layer]):
                continue
            g = net.groups[layer, i]
            if g < 0:
                continue
            lo = net.member_at[layer] + net.ptr[net.ptr_at[layer] + g]
            size = net.member_at[layer] + net.ptr[net.ptr_at[layer] + g + 1] - lo
            _key(draw, seed, i, past, layer)
            everyone = net.contacts[layer] < 0.0
            met = size if everyone else _count(draw, net.cdf[layer])
            for m in range(met):
                j = net.members[lo + m] if everyone else net.members[lo + int(_uniform(draw) * size)]
                if j != i and not run.times[j, KEPT_UNTIL] > noon and _uniform(state) < care.trace[layer]:
                    _keep(j, day, noon, state, care, run)
        if home or meet.first.size == 0:
            continue
        begin, end = _visits_of(i, past, meet)
        for at in range(begin, end):
            row = meet.order[at]
            chance = care.trace[layers + meet.setting[row]]
            if chance <= 0.0:
                continue
            for other in range(meet.lo[row], meet.hi[row]):
                j = meet.person[other]
                together = min(meet.end[row], meet.end[other]) - max(meet.start[row], meet.start[other])
                if j == i or together < 15 or run.times[j, KEPT_UNTIL] > noon:
                    continue
                if _uniform(state) < chance:
                    _keep(j, day, noon, state, care, run)


@njit(cache=True)
def _look(i, day, noon, seed, state, draw, net, meet, care, run):
    """Testing, results and tracing of one infected agent on one day."""
    times = run.times
    if times[i, RESULT] <= day and np.isnan(times[i, DIAGNOSED]):
        times[i, DIAGNOSED] = day
        times[i, TRACED] = max(day + care.trace_delay, care.trace_from)
    if times[i, TRACED] <= day:
        times[i, TRACED] = np.nan
        _trace(i, day, noon, seed, state, draw, net, meet, care, run)
    if day < care.test_from or not np.isnan(times[i, RESULT]) or not np.isnan(times[i, DIAGNOSED]):
        return
    chance = care.test_ill if noon >= times[i, ONSET] else care.test_well
    if chance > 0.0 and _uniform(state) < chance:
        _test(i, day, noon, state, care, run)


@njit(cache=True, inline="always")  # a call would count references of forty arrays
def _spread(i, day, noon, force, seed, alive, state, draw, luck, net, meet, ill, care, run):
    """Contacts of one infectious agent on one day; returns the number of infected agents after it."""
    times = run.times
    home = noon >= times[i, HOME]
    kept = noon >= times[i, DIAGNOSED] or noon < times[i, KEPT_UNTIL]
    masks = day >= care.mask_from
    layers = net.contacts.size
    for layer in range(layers):
        strength = net.beta[day, layer] * force
        if strength <= 0.0 or ((home or kept) and not net.at_home[layer]):
            continue
        if kept:
            strength *= care.home_factor
        worn = masks and care.masked[layer]
        if worn and care.wears[i]:
            strength *= care.mask_out
        g = net.groups[layer, i]
        if g < 0:
            continue
        lo = net.member_at[layer] + net.ptr[net.ptr_at[layer] + g]
        size = net.member_at[layer] + net.ptr[net.ptr_at[layer] + g + 1] - lo
        if size < 2:
            continue
        _key(draw, seed, i, day, layer)
        _key(luck, seed, i, day, layer + 500)
        everyone = net.contacts[layer] < 0.0
        met = size if everyone else _count(draw, net.cdf[layer])
        for m in range(met):
            j = net.members[lo + m] if everyone else net.members[lo + int(_uniform(draw) * size)]
            if not run.free[j]:
                continue
            if noon < times[j, KEPT_UNTIL] and not net.at_home[layer]:
                continue
            risk = strength * ill.suscept[j]
            if worn and care.wears[j]:
                risk *= care.mask_in
            u = _uniform(luck)
            if u < risk and u < 1.0 - np.exp(-risk):  # 1 - exp(-x) < x spares most of the exponentials
                _fall_ill(j, day + 0.35 + 0.4 * _uniform(luck), i, layer, state, ill, run)
                run.active[alive] = j
                alive += 1
    if home or kept or meet.first.size == 0:
        return alive
    begin, end = _visits_of(i, day, meet)
    for at in range(begin, end):
        row = meet.order[at]
        place = layers + meet.setting[row]
        rate = meet.beta[day, meet.setting[row]] * force / 60.0
        if rate <= 0.0:
            continue
        worn = masks and care.masked[place]
        if worn and care.wears[i]:
            rate *= care.mask_out
        _key(luck, seed, i, day, 1000 + row - meet.first[day])
        for other in range(meet.lo[row], meet.hi[row]):
            j = meet.person[other]
            if not run.free[j] or noon < times[j, KEPT_UNTIL]:
                continue
            since = max(meet.start[row], meet.start[other])
            until = min(meet.end[row], meet.end[other])
            if until <= since:
                continue
            risk = rate * (until - since) * ill.suscept[j]
            if worn and care.wears[j]:
                risk *= care.mask_in
            u = _uniform(luck)
            if u < risk and u < 1.0 - np.exp(-risk):
                moment = day + (since + (until - since) * _uniform(luck)) / 1440.0
                _fall_ill(j, moment, i, place, state, ill, run)
                run.active[alive] = j
                alive += 1
    return alive


@njit(cache=True)
def run_agents(days, seed, net, meet, ill, care, run, seed_person, seed_time):
    """One epidemic, written into ``run``. Seeds are sorted by time."""
    state = np.empty(1, np.uint64)
    draw = np.empty(1, np.uint64)
    luck = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * _M2 + _GOLDEN
    times, active = run.times, run.active
    alive = 0
    parts = ill.profile.size
    next_seed = 0
    care_on = care.test_from < days or care.trace_from < days
    for day in range(days):
        noon = day + 0.5
        while next_seed < seed_person.size and seed_time[next_seed] < day + 1:
            i = seed_person[next_seed]
            if np.isnan(times[i, INFECTED]):
                _fall_ill(i, seed_time[next_seed], -1, -1, state, ill, run)
                active[alive] = i
                alive += 1
            next_seed += 1
        tonight = alive
        if care_on:
            for a in range(tonight):
                _look(active[a], day, noon, seed, state, draw, net, meet, care, run)
        kept = 0
        for a in range(tonight):
            i = active[a]
            # results, and the tracing they set off, may still be due after the infectious time
            if noon >= times[i, SHED_TO] + (14.0 if care_on else 0.0):
                continue
            active[kept] = i
            kept += 1
            if noon < times[i, SHED_FROM] or noon >= times[i, SHED_TO] or noon >= times[i, ADMITTED]:
                continue
            part = int((noon - times[i, SHED_FROM]) / (times[i, SHED_TO] - times[i, SHED_FROM]) * parts)
            force = ill.profile[min(part, parts - 1)]
            if np.isnan(times[i, ONSET]):
                force *= ill.asymptomatic
            alive = _spread(i, day, noon, force, seed, alive, state, draw, luck, net, meet, ill, care, run)
        for a in range(tonight, alive):
            active[kept] = active[a]
            kept += 1
        alive = kept
