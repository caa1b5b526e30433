"""Charts as SVG written on the server: no script, no style attribute, fit for a strict content policy.

:func:`line`, :func:`bars` and :func:`curve` (the epidemic curve, stacked by category) return a
:class:`Drawing`; :func:`stack` sets drawings below each other. ``str(drawing)`` is markup for an HTML page
whose style sheet holds :data:`STYLESHEET`; ``drawing.file()`` is a document of its own. Colours are
presentation attributes, which any class rule overrides: that is how dark pages recolour them.
"""

from lianfang.foundation.svg.charts import Band, Line, bars, curve, line
from lianfang.foundation.svg.drawing import STYLESHEET, Drawing, stack

__all__ = ["STYLESHEET", "Band", "Drawing", "Line", "bars", "curve", "line", "stack"]
