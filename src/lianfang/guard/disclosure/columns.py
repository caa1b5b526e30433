"""What a column of a candidate table is: a value, an allowed dimension, an area, or never published."""

from __future__ import annotations

import re
from typing import Any, Final

# canonical name <- what hospitals, centres and people call it
VALUES: Final = frozenset(
    [
        "count",
        "value",
        "n",
        "number",
        "cases",
        "confirmed",
        "suspected",
        "deaths",
        "dead",
        "cured",
        "recovered",
        "released",
        "tested",
        "positive",
        "severe",
        "contacts",
        "observed",
        "arrivals",
        "departures",
        "例数",
        "人数",
        "数量",
        "次数",
        "确诊",
        "疑似",
        "死亡",
        "治愈",
        "人次",
    ]
)
TIME: Final = {
    "date": "date", "日期": "date", "report_date": "date", "报告日期": "date", "week": "date", "周": "date",
    "confirm_date": "confirm_date", "确诊日期": "confirm_date", "confirmed_on": "confirm_date",
}  # fmt: skip
STATUS: Final = {
    "indicator": "indicator", "指标": "indicator", "status": "status", "classification": "status",
    "病例分类": "status", "source": "source",
}  # fmt: skip
TRAITS: Final = {
    "sex": "sex", "gender": "sex", "性别": "sex", "symptom": "symptom", "symptoms": "symptom",
    "症状": "symptom",
    "age_group": "age_group", "age_band": "age_group", "年龄组": "age_group", "年龄段": "age_group",
}  # fmt: skip
# areas from coarse to fine
LEVELS: Final = ("country", "province", "prefecture", "district", "street", "compound", "building")
AREAS: Final = {
    "country": "country", "province": "province", "省": "province", "prefecture": "prefecture",
    "city": "prefecture", "市": "prefecture", "from_place": "prefecture", "to_place": "prefecture",
    "迁出地": "prefecture", "迁入地": "prefecture", "district": "district", "county": "district",
    "region": "district", "region_index": "district", "adcode": "district", "区县": "district",
    "区划": "district", "现住区划": "district", "street": "street", "township": "street", "街道": "street",
    "compound": "compound", "village": "compound", "rough_residential_area": "compound", "小区": "compound",
    "村": "compound", "building": "building", "building_unit": "building", "楼栋": "building",
    "门牌号": "building",
}  # fmt: skip
# what is never published, by the kind under which it is counted
NEVER: Final = {
    "name": "name", "姓名": "name", "full_name": "name", "age": "age", "年龄": "age", "birth_date": "age",
    "出生日期": "age", "resident_id": "resident_id", "id_number": "resident_id", "证件号码": "resident_id",
    "身份证号": "resident_id", "phone": "phone", "mobile": "phone", "telephone": "phone", "电话": "phone",
    "联系电话": "phone", "手机": "phone", "address": "address", "home_address": "address", "住址": "address",
    "现住址": "address", "家庭住址": "address", "seat": "trip", "train_seat": "trip", "座位": "trip",
    "device_id": "device", "trajectory": "whereabouts", "location": "whereabouts",
    "travel_history": "whereabouts", "轨迹": "whereabouts", "lat": "whereabouts", "lon": "whereabouts",
    "email": "email", "plate": "plate", "passport": "passport", "student_no": "number",
    "workplace": "workplace", "工作单位": "workplace", "school": "workplace", "学校": "workplace",
    "token": "token",  # nosec B105
    "pseudonym": "token", "subject": "token", "person": "token", "name_list": "name",
    "diagnosis": "diagnosis", "ct_image": "diagnosis",
}  # fmt: skip

KINDS: Final[dict[str, tuple[str, str, str]]] = {
    # kind: singular, plural, Chinese (with its measure word)
    "name": ("name", "names", "个姓名"),
    "age": ("age", "ages", "个年龄"),
    "resident_id": ("ID number", "ID numbers", "个身份证件号码"),
    "phone": ("phone number", "phone numbers", "个电话号码"),
    "address": ("house number", "house numbers", "个门牌地址"),
    "trip": ("seat", "seats", "个座位"),
    "device": ("device number", "device numbers", "个设备号"),
    "whereabouts": ("movement", "movements", "条行踪"),
    "email": ("e-mail address", "e-mail addresses", "个邮箱"),
    "plate": ("number plate", "number plates", "个车牌"),
    "passport": ("travel document", "travel documents", "个旅行证件"),
    "number": ("personal number", "personal numbers", "个编号"),
    "workplace": ("workplace", "workplaces", "个单位"),
    "token": ("pseudonym", "pseudonyms", "个标识"),
    "diagnosis": ("diagnosis", "diagnoses", "项诊断"),
    "other": ("unlisted field", "unlisted fields", "个未列入清单的字段值"),
    "small_cell": ("small cell", "small cells", "个小单元格"),
    "complementary_cell": (
        "cell that would give one away",
        "cells that would give one away",
        "个可推算单元格",
    ),
    "difference": (
        "cell too close to an earlier release",
        "cells too close to an earlier release",
        "个与前期差异过小的单元格",
    ),
    "area": ("area made coarser", "areas made coarser", "处区域已概化"),
    "table": ("table too small to protect", "tables too small to protect", "张无法保护的表"),
}

_BAND = re.compile(
    r"\s*(?:(\d{1,3})\s*[-–~至到]\s*(\d{1,3})|([<>≥≤])\s*(\d{1,3})|(\d{1,3})\s*\+)\s*(?:岁|years?)?\s*"
)
_OPEN = frozenset({"unknown", "未知", "不详", "all", "合计"})
SEXES: Final = {
    "m": "male", "f": "female", "male": "male", "female": "female", "男": "male", "女": "female",
    "男性": "male", "女性": "female", "unknown": "unknown", "未知": "unknown", "不详": "unknown",
}  # fmt: skip


def kind_of(column: str) -> tuple[str, str]:
    """(role, canonical name): role value, time, status, trait, area or never."""
    name = column.strip().lower()
    if name in VALUES:
        return "value", name
    for role, table in (
        ("time", TIME),
        ("status", STATUS),
        ("trait", TRAITS),
        ("area", AREAS),
        ("never", NEVER),
    ):
        if name in table:
            return role, table[name]
    return "never", "other"


def is_age_band(value: Any) -> bool:
    """Whether a value is an age *group* of at least five years (or open-ended); a single age is not."""
    text = str(value).strip().lower()
    if text in _OPEN:
        return True
    found = _BAND.fullmatch(text)
    if found is None:
        return False
    low, high, _, _, _ = found.groups()
    return low is None or int(high) - int(low) >= 4
