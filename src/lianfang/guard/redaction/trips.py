"""A train, flight, coach or ship together with the seat, berth or carriage that somebody had."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[str, int, int]

_TRAIN = (
    r"(?:[台臺][铁鐵])?(?:(?:高[铁鐵])?\d{3,4}[车車]次|(?:自[强強]|莒光|区间|區間|普悠[玛瑪]|太[鲁魯][阁閣])(?:号|號|車)?\d{3,4}(?:次|車次)|"
    r"(?:[GDCZTKYLS]\d{1,4}|(?:高铁|高鐵|动车|动車)?\d{4})(?:次列车|次列車|次|列车|列車)?|(?:高[铁鐵])?\d{3}次(?:列车|列車)?)"
)
_CAR = r"(?:加?\d{1,2}(?:号|號)?[车車](?:厢|廂)?|第?\d{1,2}卡)"
_BERTH = r"(?:[上中下](?:铺|鋪|舖)|无座|無座)"
_CLASS = r"(?:(?:硬卧|软卧|硬座|软座|二等座?|一等座?|商务座?),? ?)?"
_SEAT = rf"(?:无座|無座|{_BERTH}?\d{{1,3}}(?:[A-K]|号|號|座位?){{0,3}}{_BERTH}?)"
_GAP = r"(?: / |[,,、 (第]{0,2})"
_ROW = r"(?:\d{1,2}[A-L](?:座位|座)?(?![A-Za-z\d])|\d{1,2}排\d{0,2}[A-K]?座?)"
_TRIP = (
    re.compile(
        rf"(?<![A-Za-z\d]){_TRAIN}{_GAP}{_CLASS}{_CAR}{_GAP}{_CLASS}(?:座位|座)?(?:\d{{1,2}}排[A-F](?![A-Za-z\d])|{_SEAT}(?:(?:硬卧|软卧)?[上中下]铺)?)?(?:(?<=[车車厢廂号座铺鋪])\))?"
    ),
    re.compile(
        rf"(?<![A-Za-z\d])(?!AC|DC|RS)(?:[A-Z]{{2}}|[A-Z]\d|\d[A-Z])(?:\d{{3,4}}|-\d{{2,4}}(?![A-Z])|\d{{2}}(?=航班|班机|班機))(?:次)?(?:航班|班机|班機|客机)?的?{_GAP}"
        rf"(?:(?:座位号?|座位號|座号?|座席)(?:为|是)?[:: ]{{0,2}})?{_ROW}(?!-[\dA-Za-z]{{4}})(?:(?<=[A-K座排])\))?"
    ),
    re.compile(
        rf"(?<![A-Za-z\d]){_TRAIN}{_GAP}(?:(?:座位号?|座号?)[:: ]{{0,2}})\d{{1,3}}[A-F]?(?:号|座)?(?![A-Za-z\d])"
    ),
    # SK4432 (seat 9D), EK 384 in 61A, NX420 seat 23
    re.compile(
        r"(?<![A-Za-z\d])(?:[A-Z]{2}|[A-Z]\d|\d[A-Z]) ?\d{2,4}(?: \(seat \d{1,2}[A-L]\)|,? in "
        r"\d{1,2}[A-L](?![A-Za-z\d])|,? (?:seat|SEAT) \d{1,2}[A-L]?(?![A-Za-z\d]))"
    ),
    re.compile(r"(?<![A-Za-z\d])[A-K]\d{1,2} on \d[A-Z]\d{2}(?![A-Za-z\d])"),
    re.compile(rf"(?<![A-Za-z\d])\d{{3,4}}[车車]?次{_ROW}"),
    re.compile(
        rf"(?<![A-Za-z\d]){_TRAIN}[,、 ]?[车車][厢廂]\d{{1,2}}[,、 ]?(?:座位号?|座号)\d{{1,3}}[A-F]?(?![A-Za-z\d])"
    ),
    re.compile(r"(?<![A-Za-z\d])\d{1,2}[车車]\d{1,3}[A-F]?的[GDCZTK] ?\d{1,4}次"),
    re.compile(
        r"(?<![A-Za-z\d])(?!AC|DC|RS)(?:[A-Z]{2}|[A-Z]\d|\d[A-Z])\d{3,4}(?:/\d{1,2}[A-L]"
        r"(?![A-Za-z\d])|, row \d{1,2}, seat [A-L]\b)"
    ),
    re.compile(r"\bseat \d{1,2}[A-L] of (?:flight|train|coach) [A-Z\d]{2,7}\b", re.I),
    re.compile(r"\b(?:carriage|coach|car) \d{1,2} (?:of|on) (?:train )?[GDCZTK]\d{1,4}(?![\w])", re.I),
    # ships: a cabin or a deck and a place
    re.compile(r"(?:(?:[A-Z][a-z]+ ){1,3})?[Cc]abin \d{1,5}[A-Z]?,? (?:berth|bed) [A-Z\d]{1,3}\b"),
    re.compile(
        r"(?:(?<=[,。;:\s乘坐搭于])|^)(?:[\u4e00-\u9fff]{2,6}(?:轮|輪|\d{0,2}号|號))? ?(?:[一二三四五特]等舱|"
        r"[一二三四五六]层) ?\d{1,4}室\d{1,3}号?铺"
    ),
    re.compile(r"(?<![A-Za-z\d])[A-Z]{2}\d{2,3} ?[上下][层層]\d{1,3}[号號](?:位|座)"),
    re.compile(r"(?<![A-Za-z\d])\d{1,2}[A-L] on (?:flight|train|coach) [A-Z\d]{2,7}\b"),
    re.compile(r"(?<![A-Za-z\d])\d{1,2}[A-L](?: on|,) (?:[A-Z]{2}|[A-Z]\d|\d[A-Z]) ?\d{2,4}(?![A-Za-z\d])"),
    re.compile(
        r"(?<![A-Za-z\d])(?:[A-Z]{2}|[A-Z]\d|\d[A-Z]) ?\d{2,4},? (?:in )?seat \d{1,2}[A-L](?![A-Za-z\d])"
    ),
    re.compile(
        r"\b(?:(?:flight|train|coach|bus) |(?=[GDCZTK]\d))(?:[A-Z\d]{2,7}|[A-Z]{2}-\d{2,4}),? "
        r"(?:(?:car|coach)(?:riage)? (?:\d{1,2}|[A-Z]),? )?(?:in )?(?:seat|berth) \d{1,3}[A-L]?\b|"
        r"(?<![A-Za-z\d])(?:[A-Z]{1,3} ?\d{2,4}|\d[A-Z]\d{2}),? (?:car|coach)(?:riage)? (?:\d{1,2}|[A-Z]),? "
        r"(?:seat|berth) \d{1,3}[A-L]?\b",
        re.I,
    ),
    re.compile(
        r"(?<![A-Za-z\d])\d{1,2}(?:号)?[车車](?:厢)?(?:\d{1,3}(?:[A-F](?:座|号)?|号(?:座|[上中下]铺)?|座))"
    ),
    re.compile(
        r"(?:[\u4e00-\u9fff][A-Z][·•・]?[A-Z\d]{5,6}|(?<![A-Za-z\d])(?:[A-Z]{0,2}\d{3,4}(?:次|班次)|[A-Z]\d{3,4}(?=班车|班次))|"
        r"(?:(?<=[乘坐搭是,。:;\s])|^)[\u4e00-\u9fff]{2,5}至[\u4e00-\u9fff]{2,5}(?:\d{1,2}:\d{2})?)?(?:长途|長途)?(?:大巴|客车|客車|班车|班車|班次|巴士|中巴|汽车)[车車]?[^,,。;\d]{0,8}"
        r"(?:\([\u4e00-\u9fff][A-Z][·•・]?[A-Z\d]{5,6}\)第?)?(?: ?座位\d{1,2}(?:号|號)|\d{1,2}(?:号|號)?座"
        r"(?:位)?|\d{1,2}排[^,,。;\d]{0,4}座(?:位)?)"
    ),
)


_TAIL = re.compile(r"[ ,(第]+$")


_LINE = re.compile(r"[^\n]+")
# a line without any of these has no trip; most have none
_RIDES = re.compile(
    r"[车車次座铺鋪舱艙卡层層排]|[航客]班|班[机機次车車]|seat|berth|coach|carriage|cabin|flight|train|\d[A-L](?![A-Za-z])",
    re.I,
)


def trips(text: str) -> Iterator[Span]:
    """Trains, flights, coaches and ships together with a seat, a berth or a carriage."""
    for line in _LINE.finditer(text):
        if _RIDES.search(text, *line.span()) is None:
            continue
        for pattern in _TRIP:
            for found in pattern.finditer(text, *line.span()):
                yield "TRIP", found.start(), found.start() + len(_TAIL.sub("", found.group()))
