"""Identifiers of no form of their own: a word in front says what the number behind it is."""

from __future__ import annotations

import re

_PASS_CUE = re.compile(
    r"(?:护照|護照|passport)(?:号码|號碼|编号|号|號| no\.?| number)?(?: ?is|是|为|為)?[::=#]?\s*"
    r"((?=[A-Z\d]{0,6}\d{2})[A-Z\d]{7,10}|[A-Z]{1,2} ?\d{4} ?\d{3,4}|\d{2} \d{7})(?![A-Za-z\d])",
    re.I,
)
_PERMIT = re.compile(
    r"(?:通行证|通行證|往来|往來|港澳|permit)[^\d\n,,。;]{0,10}?((?:[CLTW]|C[A-Z])\d{7,8})(?![A-Za-z\d])",
    re.I,
)
_TRAVEL_CUE = re.compile(r"证件(?:号码?)?[::]?\s*([EGDSP][A-Z]? ?\d{4} ?\d{3,4})(?![A-Za-z\d])")
# plates of other places by the word before them
_PLATE_CUE = re.compile(
    r"(?:港车|港車|私家车|私家車|座驾|座駕|澳车|澳車|車號|车牌号?|車牌號?|号牌|號牌|牌照|車牌係|"
    r"(?i:\b(?:lorry|truck|vehicle|car|van|taxi|plate|registration|taxi reg|car reg|"
    r"reg\.? no|reg)(?:\.?| no\.?| number)?))"
    r"(?:是|为|為| is)?\s*[::]?\s*"
    r"(?!\d+ ?(?:HKD|USD|RMB|CNY|EUR|GBP|PCS|KGS?|KM|AM|PM|MB|GB|ML|MG)\b)"
    r"([A-Z]{1,3}[ -]?\d{2,5}(?: ?[A-Z]{1,3})?(?![A-Za-z\d])|\d{2,4}[ -]?[A-Z]{2,3}|"
    r"[A-Z]{2}\d{2} ?[A-Z]{3})(?![A-Za-z\d])"
)
_TAIBAO = re.compile(
    r"(?:[Tt]aiwan [Cc]ompatriot [Pp]ermit|台胞证|臺胞證|台胞證|臺胞证|台湾居民)[^\d\n]{0,8}(\d{8}(?:\d{2})?)(?!\d)"
)
# HL7 v2, PID: the third field is the patient's number
_PID = re.compile(r"^PID\|[^|\n]*\|[^|\n]*\|([^|^~\n]{4,24})", re.M)

CUED = (
    ("MEDICAL_NO", _PID),
    # fourteen digits and more: a code of goods has thirteen
    (
        "MEDICAL_NO",
        re.compile(r"(?:条码|条形码|條碼)(?:号|號)?[::]?\s*(\d{13}(?=为)|\d{14,20})(?!\d)"),
    ),
    # a sample's tube, where the same clause says whose it is
    (
        "MEDICAL_NO",
        re.compile(
            r"(?:血样|采样|样本|标本)管(?:号|编号)?[::]?\s*([A-Za-z\d\-]{6,24})(?=\((?:受检|患者|病人))"
        ),
    ),
    (
        "STUDENT_NO",
        re.compile(r"(?<![A-Za-z\d\-])((?=[A-Z\d]{0,4}\d)[A-Z\d]{2,12}(?:-\d{2,6})?)号学生(?![证公宿食楼])"),
    ),
    (
        "STUDENT_NO",
        re.compile(
            r"\b[Ss]tudent [^.;\d\n]{2,40}, (?:student )?ID:? ?([A-Z]{0,2}\d{6,12}[A-Z]?)(?![A-Za-z\d])"
        ),
    ),
    (
        "STUDENT_NO",
        re.compile(
            r"\b[Ss]tudent(?:,| card| ID card)? ((?=[A-Z\d-]{0,3}\d)(?!(?:19|20)\d\d-)"
            r"(?:[A-Z\d]{7,12}|[A-Z]\d{4}-\d{3,6}))(?![A-Za-z\d])"
        ),
    ),
    ("STUDENT_NO", re.compile(r"\b(?:Year|Grade) \d{1,2}, (?:student )?ID ([A-Z]{0,4}\d{6,10})(?!\d)")),
    ("PASSPORT", re.compile(r"\bpassport number[^.\n\d]{0,60}\b(?:it['’]s|is|to) ([A-Z]{2}\d{6,7})(?!\d)")),
    ("STUDENT_NO", re.compile(r"\bstudent, ID ((?=[A-Z\d]{0,4}\d)[A-Z\d]{7,12})(?![A-Za-z\d])")),
    ("STUDENT_NO", re.compile(r"(?:学籍号|學籍號)[^\dA-Z\n]{0,8}([GL]\d{18})(?!\d)")),
    (
        "MEDICAL_NO",
        re.compile(
            r"\b(?:[Hh]er|[Hh]is|[Mm]y|[Tt]heir) case number[^.\d\n]{0,14}\b([A-Z]{1,3}-?\d{4,8})(?!\d)"
        ),
    ),
    ("STUDENT_NO", re.compile(r"(?<=[\u4e00-\u9fff])(?<![字号本码品批])(S\d{8,12})(?=[、,。]|均|$)")),
    ("STUDENT_NO", re.compile(r"(?:校园卡|校園卡|一卡通)[^\d\n]{0,12}卡号[::]?\s?(\d{8,12})(?!\d)")),
    ("STUDENT_NO", re.compile(r"(?:同学|同學|学生|學生)\(([A-Z]{0,2}\d{8,12})\)")),
    ("STUDENT_NO", re.compile(r"(?<![A-Za-z\d])([A-Z]{0,2}\d{8,12})(?=(?:号|號)?(?:同学|同學))")),
    (
        "STUDENT_NO",
        re.compile(
            r"(?:缓考|重修|补考|留校|返校|住宿|在籍)(?:学生)?(?:名单|學號|学号)[::]\s?((?:19|20)\d{8})(?!\d)"
        ),
    ),
    ("STUDENT_NO", re.compile(r"(?<=\d[,、])((?:19|20)\d{8})(?=\([\u4e00-\u9fff]{2,4}[、,)])")),
    ("TW_PERMIT", re.compile(r"(?<=持)(0\d{7}(?:\d{2})?)(?=[,、。]|的|之|[\u4e00-\u9fff]{2,4}入)")),
    (
        "PASSPORT",
        re.compile(r"(?:护照|護照)[^\dA-Za-z,。;\n]{0,6},?号[::]?([A-Z]{2,3}\d{6,7})(?![A-Za-z\d])"),
    ),
    (
        "PLATE",
        re.compile(
            r"(?:[驾駕驶駛]|遊覽車|游览车|計程車|小客車|機車|客車|汽車|轎車|自小客)(?:車號|车号)?[::]?([A-Z]{2,3}-\d{3,4})(?![A-Za-z\d])"
        ),
    ),
    ("QQ", re.compile(r"(?<![A-Za-z])Q ?Q[^\d\n]{0,24}号码?[::]?\s?(\d{6,11})(?!\d)")),
    ("QQ", re.compile(r"Q ?Q(?:也行|也可以|也可|上说|联系|就行|发我)?[,、]?(\d{6,11})(?!\d)")),
    ("QQ", re.compile(r"(?<![\d.-])(\d{6,11})(?=\(?(?:网名|QQ昵称|昵称))")),
    ("PLATE", re.compile(r"\bbus ([A-Z]{2} ?\d{4})(?!\d)")),
    ("PLATE", _PLATE_CUE),
    ("PASSPORT", _TRAVEL_CUE),
    ("PASSPORT", re.compile(r"\b(?:DOC|DOCS|document no\.?)[: ] ?([A-Z]{1,2}\d{7,8})(?![A-Za-z\d])")),
    ("HKMO_PERMIT", _PERMIT),
    ("TW_PERMIT", _TAIBAO),
    ("PASSPORT", _PASS_CUE),
    (
        "STUDENT_NO",
        re.compile(
            r"(?:学号|學號|学生证号?|學生證號|准考证号|学籍号|學籍號|学生编号|學生編號|考生号|一卡通号|校园卡号|"
            r"matric(?:ulation)? (?:no\.?|number)|student (?:no\.?|id|id no\.?|"
            r"number))\s*(?:是|为|為|is(?![A-Za-z])|as )?\s*[::=#]?\s*((?=[A-Za-z\-]{0,8}\d)[A-Za-z\d\-]{5,24})",
            re.I,
        ),
    ),
    (
        "MEDICAL_NO",
        re.compile(
            r"(?:住院ID|病[人员員]编号|病人編號|病员号|病員號|患者编号|患者編號|外院ID|外院号|"
            r"[复覆][诊診](?:编号|編號|号)|就[诊診](?:编号|編號)|传染病卡号|病案首页号|"
            r"门诊病历号|同号段|clinic card|patient card|clinic no\.?|hospital id|"
            r"住院号|住院號|门诊号|門診號|病案号|病案號|病历号|"
            r"病歷號|就诊卡号|就诊卡|就诊号|"
            r"健康卡号|急诊号|急診號|就診卡號|医保号|"
            r"医保卡号|社保卡号|社保号|健保卡號|社保卡|医保卡|健康卡|病案|病历|登记号|登記號|诊疗卡号|"
            r"病人ID|病人号|MRN|(?:medical )?record (?:no\.?|number)|admission (?:no\.?|number)|chart "
            r"(?:no\.?|number)|patient (?:id|no\.?|number)|file(?: no\.?)?(?= [A-Z]-\d{5})|"
            r"hosp(?:ital|\.)? (?:no\.?|number))"
            r"(?:码|碼)?(?:先挂|是|为|為|is(?![A-Za-z])| unchanged)?\s*[::=#]?\s*([A-Z]{1,3} \d{3} \d{3}"
            r"(?!\d)|\d{4} \d{4} "
            r"\d{2,4}(?!\d)|[A-Za-z\d\-]{5,24}|"
            r"[A-Z]{2,4}/\d{2}/\d{3,6})",
            re.I,
        ),
    ),
    (
        "QQ",
        re.compile(
            r"(?:(?<![A-Za-z])Q ?Q|扣扣|企鹅|加Q|Q号)\s*(?:号码|账号|帐号|号|號|number|no\.?)?\s*(?:是|为|為|is)?"
            r"\s*[::(]?\s*"
            r"(\d(?: \d){4,10}|\d{5,11}|\d{3,4}[ -]\d{3,4}(?:[ -]\d{2,4})?)(?![\d-])",
            re.I,
        ),
    ),
    (
        "DEVICE_ID",
        re.compile(
            r"(?:MAC|蓝牙|藍牙|网卡|網卡|bluetooth)(?: ?(?:地址|位址|address))?(?:是|为|為|is)?\s*[::=#]?\s*"
            r"([\dA-F]{12})(?![\dA-Za-z])",
            re.I,
        ),
    ),
    (
        "DEVICE_ID",
        re.compile(
            r"(?:IDFA|IDFV|OAID|GAID|AAID|VAID|UDID|设备标识|設備標識|广告标识|device id)(?:符|码|碼)?"
            r"(?:是|为|為|is)?\s*[::=#]?\s*"
            r"([\dA-F]{8}(?:-[\dA-F]{4}){3}-[\dA-F]{12}|[\dA-F]{32}|[\dA-F]{16})(?![\dA-Za-z])",
            re.I,
        ),
    ),
    (
        "DEVICE_ID",
        re.compile(
            r"(?:(?:Android|安卓)[ _]?ID|MEID)(?:是|为|為|is)?\s*[::=#]?\s*([\dA-F]{14}|[\dA-F]{16})(?![\dA-Za-z])",
            re.I,
        ),
    ),
    (
        "DEVICE_ID",
        re.compile(
            r"(?:(?:设备|設備|手机|手機|机身|電腦|电脑|平板|终端|手环)(?:的)?(?:序列号|序列號)?[::]?(?:SN)?|"
            r"serial (?:no\.?|number))"
            r"(?:是|为|為|is)?\s*[::=#]?\s*((?=[A-Z\d]{0,15}\d)(?=\d{0,15}[A-Z])[A-Z\d]{4,16}(?:-[A-Z\d]{4,12})?(?<=[A-Z\d-]{8}))(?![A-Za-z\d])",
            re.I,
        ),
    ),
    (
        "WECHAT",
        re.compile(
            r"(?:(?<![A-Za-z])(?=wx1[3-9]\d{9})|威号|微信(?:上?加我|吗|吧|呗|哈)?|威信|薇信|v信|加微|加v|加我v|绿泡泡|綠泡泡|绿泡|wechat|weixin|(?<![A-Za-z])vx|"
            r"(?<![A-Za-z])wx)(?:号码|号|號|账号|帳號|同号| ?id)?"
            r"\s*(?:是|为|為|is)?\s*[::=#]?\s*((?:[A-Za-z](?=[A-Za-z_\-]{0,19}[\d_\-])|"
            r"(?<=[::] )[A-Za-z]|(?<=[::号號])[A-Za-z])"
            r"[A-Za-z\d_\-]{5,19}|[a-z]{3,14}\.[a-z]{1,8})(?![A-Za-z\d])",
            re.I,
        ),
    ),
)
