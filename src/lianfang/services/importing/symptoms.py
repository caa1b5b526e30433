"""Symptoms in words to codes of a closed vocabulary; the words themselves go to the vault."""

from __future__ import annotations

import re
import unicodedata

#: Codes and the words for them. Words that are not here give no code; they stay readable in the vault.
WORDS: dict[str, tuple[str, ...]] = {
    "pneumonia_unexplained": (
        "不明原因的病毒性肺炎", "不明原因病毒性肺炎", "不明原因肺炎", "不明原因的肺炎", "原因不明肺炎",
        "原因不明的肺炎", "unexplained pneumonia", "pneumonia of unknown cause",
        "pneumonia of unknown etiology", "pneumonia of unknown aetiology",
    ),
    "pneumonia": ("病毒性肺炎", "肺炎", "肺部感染", "pneumonia"),
    "fever": ("发热", "发烧", "高热", "低热", "体温升高", "fever", "febrile", "pyrexia"),
    "cough": ("干咳", "咳嗽", "cough"),
    "sputum": ("咳痰", "有痰", "sputum", "phlegm"),
    "dyspnoea": (
        "呼吸困难", "气促", "气短", "喘憋", "呼吸急促", "dyspnoea", "dyspnea", "shortness of breath",
    ),
    "chest_tightness": ("胸闷", "chest tightness"),
    "chest_pain": ("胸痛", "chest pain"),
    "fatigue": ("四肢无力", "全身无力", "乏力", "无力", "疲劳", "fatigue", "weakness", "tiredness"),
    "myalgia": ("肌肉酸痛", "肌肉疼痛", "肌痛", "全身酸痛", "myalgia", "muscle pain"),
    "headache": ("头痛", "头疼", "headache"),
    "sore_throat": ("咽痛", "咽喉痛", "喉咙痛", "嗓子疼", "sore throat"),
    "runny_nose": ("流鼻涕", "流涕", "runny nose", "rhinorrhoea", "rhinorrhea"),
    "nasal_congestion": ("鼻塞", "nasal congestion", "stuffy nose"),
    "nausea_vomiting": ("恶心呕吐", "恶心", "呕吐", "nausea", "vomiting"),
    "diarrhoea": ("腹泻", "拉肚子", "diarrhoea", "diarrhea"),
    "loss_of_smell": ("嗅觉丧失", "嗅觉减退", "味觉丧失", "loss of smell", "anosmia", "loss of taste"),
    "chills": ("寒战", "畏寒", "发冷", "chills"),
    "conjunctivitis": ("结膜炎", "结膜充血", "conjunctivitis"),
    "rash": ("皮疹", "rash"),
    "ards": ("急性呼吸窘迫综合征", "ards"),
    "none": ("无症状", "无明显症状", "无不适", "asymptomatic", "no symptoms"),
}  # fmt: skip
CODES = frozenset(WORDS)
_DENY = ("没有", "否认", "未见", "未诉", "无", "no", "denies", "without")
_CODE_OF = {word: code for code, words in WORDS.items() for word in words}
_CODE_OF.update({code.replace("_", " "): code for code in WORDS})


def _pattern(words: list[str]) -> str:
    """The longest first; Latin words whole."""
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(rf"\b{re.escape(word)}\b" if word.isascii() else word for word in ordered)


_TOKENS = re.compile(f"(?P<word>{_pattern(list(_CODE_OF))})|(?P<deny>{_pattern(list(_DENY))})")
_CLAUSES = re.compile(r"[,。;!?\n]|但|\bbut\b")


def codes(text: str) -> list[str]:
    """Sorted codes of the symptoms that the text says are there; a denied one is not.

    A denial holds to the end of its clause (「否认发热、咳嗽，有乏力」: fatigue only).
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("_", " ")
    found: set[str] = set()
    for clause in _CLAUSES.split(plain):
        denied = False
        for token in _TOKENS.finditer(clause):
            if token["deny"]:
                denied = True
            elif not denied:
                found.add(_CODE_OF[token["word"]])
    if len(found) > 1:
        found.discard("none")
    return sorted(found)
