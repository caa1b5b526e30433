"""A person asks what is held about him: the access report, correction and erasure (REQ-P-23, 34, 42).

Who he is comes in a request's body or a file, never in an address, an argument, a log line or an error.
"""

from lianfang.services.subjects.answering import correct, erase, report
from lianfang.services.subjects.finding import GROUNDS, Identity, asked, identity
from lianfang.services.subjects.requests import WORKER_OUTCOMES, answer, listing, mine, show
from lianfang.services.subjects.telling import deliver

__all__ = [
    "GROUNDS",
    "WORKER_OUTCOMES",
    "Identity",
    "answer",
    "asked",
    "correct",
    "deliver",
    "erase",
    "identity",
    "listing",
    "mine",
    "report",
    "show",
]
