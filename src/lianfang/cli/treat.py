"""``lianfang treat``: the engines of diagnosis on files."""

from __future__ import annotations

from lianfang.cli import _room

treat = _room(
    "treat",
    "Help to diagnose: folds of RNA, genomes, case definitions. 辅助诊断：RNA 折叠、基因组、病例定义。",
)
