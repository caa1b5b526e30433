"""Lianfang 联防: an outbreak worked from signal to the right person reached.

The package is a house of five floors (see ``docs/architecture.md``). Engines can be used in a notebook::

    from lianfang.predict import reproduction
    reproduction.estimate(counts, serial_interval=(4.7, 2.9))
"""

__version__ = "0.1.0"
