"""Is this week more than usual? Outbreak detection on one series of counts. See :func:`detect`."""

from lianfang.predict.detection.detect import METHODS, detect

__all__ = ["METHODS", "detect"]
