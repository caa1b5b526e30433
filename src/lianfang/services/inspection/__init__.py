"""Inspection (监督检查): a signed report on the live installation for a supervising body, without any identifier."""

from __future__ import annotations

from lianfang.services.inspection.making import document, report, verify

__all__ = ["document", "report", "verify"]
