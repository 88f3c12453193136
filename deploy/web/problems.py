"""Errors of requests by RFC 9457: what is wrong, with which value, what to do."""

import msgspec


class ProblemDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an error, `application/problem+json`.

    type: `about:blank`: the status says all that a program needs.
    title: the status in words.
    status: the status again.
    detail: what is wrong, with which value, and what to do.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class RequestError(Exception):
    """A request that is answered with an error. retry_after_s: when it is worth another try."""

    def __init__(self, status: int, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s
