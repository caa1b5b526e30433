"""What stands beside a name: words for persons, verbs that take persons, titles, facts, other names.

All functions read a text in simplified characters and a place in it, and look a dozen characters far.
"""

from __future__ import annotations

import re

from lianfang.guard.redaction.words import load

ROLES = load("roles")
_LONGEST_ROLE = 6
#: what is followed by a name and by little else
_LABELS = load("labels")
_VERBS = load("verbs")
_WEEK = load("shifts")
_TRAIL = " :：=\"'“”‘’「『（([【<《-|\t"
_LINK = ("名叫", "叫作", "叫做", "名为", "叫", "系", "是", "为", "名")
_TITLE_AFTER = re.compile(
    "先生|女士|小姐|太太|夫人|同学|同志|老师|医生|医师|大夫|护士|护师|大爷|大妈|大姐|大哥|"
    "大叔|大婶|阿姨|叔叔|奶奶|爷爷|伯伯|婆婆|师傅|老人|"
    "副?(?:书记|主任|经理|教授|院长|局长|处长|科长|镇长|村长|市长|县长|区长|所长|队长|校长|"
    "站长|班长|部长|组长|会长|厅长)|院士|警官|律师|记者|"
    "的(?:妈妈|爸爸|母亲|父亲|丈夫|妻子|儿子|女儿|哥哥|姐姐|弟弟|妹妹|奶奶|爷爷|外婆|外公|室友|同桌|手机|行程码|微信)|"
    "[两俩三]?(?:兄弟|姐妹|姊妹|父子|母女|母子|父女)|老板|总|专员|夫妇|夫妻|两口子|一家|母女|父子|母子|父女|兄弟|姐妹|等人|等\\d+[人名]|"
    "等[一二三四五六七八九十]+[人名]|本人|家属|一行"
)
_SPEAKS = re.compile(
    "(?:自述|自诉|诉|代述|说|称|讲|表示|反映|介绍|回忆|指出|告诉|认为|强调|承诺|承认|否认|"
    "坦言|透露|主持|汇报|咨询|询问|来电|致电|接听|负责|"
    "复核|签字|签名|签收|签发|审核|拒绝|隐瞒|驾驶|乘坐|搭乘|乘|自驾|独居|同住|居住|住在|家住|"
    "回应|补充|要求|请假|确诊|转阴|复阳|出院|入院|"
    "去世|死亡|病逝|发热|咳嗽|发烧|接种|采样|检测|送医|就诊|就医|返回|返乡|抵达|到家|已到|"
    "未到|领|取|捐|来自|系|现年|生于|出生|籍贯|因|"
    "与其|及其|和其|跟我|和我|与我|昨|今|前天|当天|当日|上周|身高|体重|体温|核酸|抗原|血压|病情|阳性|阴性)"
)
_WORD_AFTER = re.compile(
    "的|已|也|都|还|就|又|给|带|把|将|被|于|在|到|从|和|与|及|跟|等|是|为|有|未|无|之|去|向|"
    "收|抱|家|两|三|似|没|不|很|会|要|想|正|曾|住|"
    "来|持|拿|打|做|买|送|帮|让|请|找|见|问|看|回|开|走|跑|坐|站|吃|喝|穿|戴|交|写|发|接|起|"
    "先|才|刚|再|便|却|则|似|嘛|吧|啊|呀|呢|哦|哈|吗|了|他|她|你|我|这|那"
)
_FACT = re.compile(
    r"[\s,;|、(/:]*(?:[男女](?:$|[,。;|/\s)])|\d{1,3}岁|[一二三四五六七八九十]{2,3}岁|(?:19|"
    r"20)\d{2}|1[3-9]\d{5}|1[3-9]\d[ -]\d{4}|\d{15}|\d{6} \d{8}|"
    r"身份|电话|手机|联系|家长|护照|证件|[\u4e00-\u9fff]{1,3}[市县省区族](?![\u4e00-\u9fff])|\(?[男女](?=[,;)\s]))"
)
_OPEN = re.compile(r"[\s,。、;:!?()“”\"'<>|\[\]【】\d.)#@/*·\-①-⑳{}=&+_~「」『』《》]")
# the label of a form's next field: a scan has no blank between the fields
_NEXT_LABEL = re.compile(
    "(?:性别|年龄|工号|证件|身份|公民|电话|手机|联系|住址|地址|民族|出生|关系|单位|职业|金额|"
    "日期|国籍|编号|学号|病历号|病案号|住院号|门诊号|"
    "学号|班级|部门|座位|航班|车次|结果|备注)"
)
_JOIN = re.compile(r"[、,;/ |\t]|和|与|及|跟")
_SHAPE = r"[\u4e00-\u9fff]{2,4}"
_NEXT_ITEM = re.compile(
    rf"(?:[、/]|和|与|及|跟)({_SHAPE})(?=[\s,。、;:!?()/|]|和|与|及|等|都|均|也|三|两|二|$)"
)
_LAST_ITEM = re.compile(rf"(?:^|[\s,。、;:!?()/|\d]|和|与|及)({_SHAPE})(?:[、/]|和|与|及|跟)$")


def opens(before: str) -> bool:
    """Whether nothing, or no word, stands to the left."""
    return not before or _OPEN.match(before[-1]) is not None


def closes(text: str, at: int) -> bool:
    """Whether nothing, or no word, stands to the right."""
    return at >= len(text) or _OPEN.match(text[at]) is not None or _NEXT_LABEL.match(text, at) is not None


def before_name(before: str) -> tuple[bool, bool, bool]:
    """What the words to the left say: a label (姓名), a word for a person (司机), a verb or preposition (联系).

    ``before``: about a dozen characters that end where the name begins.
    """
    bare = before.rstrip(_TRAIL)
    if not bare:
        return False, False, False
    label = role = verb = False
    marked = len(bare) < len(before)
    tries = [bare]
    for link in _LINK:
        if bare.endswith(link):
            tries.append(bare[: -len(link)].rstrip(_TRAIL))
            break
    for attempt in tries:
        for size in range(min(_LONGEST_ROLE, len(attempt)), 0, -1):
            tail = attempt[-size:]
            label = label or tail in _LABELS
            role = role or tail in _WEEK or (tail in ROLES and (size > 1 or marked or len(attempt) == 1))
    # 高二(4)班宁致远, 宣传科蓝海燕
    role = role or re.search("[)\\d]班$|[\u4e00-\u9fff]{2}[科股]$", bare) is not None
    # 押运员, 美甲师: trades that no list has
    role = role or (len(bare) > 2 and bare[-1] in "员师" and bare[-2] not in "人官教全成")
    if not marked:
        verb = any(bare[-size:] in _VERBS for size in (1, 2, 3))
    return label, role, verb


def title_after(text: str, at: int) -> bool:
    """Whether a title, or a word for a person or a couple, follows (王建国主任)."""
    return _TITLE_AFTER.match(text, at) is not None


def speaks(text: str, at: int) -> bool:
    """Whether what follows is done by persons, or happens to them (自述, 确诊)."""
    return _SPEAKS.match(text, at) is not None


def word_after(text: str, at: int) -> bool:
    """Whether a word that often follows a name does."""
    return _WORD_AFTER.match(text, at) is not None


def fact_after(text: str, at: int) -> bool:
    """Whether a fact about a person follows: sex, age, a number, a place of origin."""
    return _FACT.match(text, at) is not None


def neighbours(text: str, low: int, high: int) -> list[str]:
    """The items of two to four characters that stand before and after in a list."""
    items = []
    after = _NEXT_ITEM.match(text, high)
    if after:
        items.append(after.group(1))
    if low >= 3 and _JOIN.match(text[low - 1]):
        before = _LAST_ITEM.search(text[max(0, low - 7) : low])
        if before:
            items.append(before.group(1))
    return items
