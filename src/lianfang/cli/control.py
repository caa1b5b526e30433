"""The control room's group: ``lianfang control ...``; its commands are listed in ``cli/__init__``."""

from __future__ import annotations

from lianfang.cli import _room

control = _room("control", "Trace and contain: contacts, movement, files of persons. 控制传播。")
