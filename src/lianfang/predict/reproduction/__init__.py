"""The reproduction number over time, and growth.

* :func:`estimate` - Rt by Cori et al. 2013 (EpiEstim): known, parametric or uncertain serial interval.
* :func:`discrete_serial_interval` - the discretised shifted gamma EpiEstim uses.
* :func:`growth` - exponential growth rate and doubling time in sliding windows.
* :func:`from_growth` - R implied by a growth rate (Wallinga & Lipsitch 2007).
"""

from lianfang.predict.reproduction.cori import UncertainSI, estimate
from lianfang.predict.reproduction.growth import from_growth, growth
from lianfang.predict.reproduction.serial_interval import discrete_serial_interval

__all__ = ["UncertainSI", "discrete_serial_interval", "estimate", "from_growth", "growth"]
