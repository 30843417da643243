"""What the service desk refuses; each error knows its HTTP status and a stable name (RFC 9457 ``type``).

An error keeps its sentence apart from the values in it, so that :mod:`api.problems` can say it in another language.

DeskError
├── NotSignedInError      no valid session or token
├── WrongCredentialsError name or password is wrong
├── TooManyTriesError     sign-in is slowed down
├── NotAllowedError       the role may not do this
├── CrossSiteError        a form from another site
├── SessionNeededError    a token may not do this
├── NotFoundError         no such object, or not yours
├── IllegalMoveError      a state cannot become the one asked for
├── SlotTakenError        the time was taken meanwhile
├── NoSlotError           no free time in the horizon
├── OutsideHoursError     the shop is closed then
├── InvalidRequestError   a value that does not fit
├── BodyTooLargeError     a request that is too large
├── DuplicateNameError    the name is taken
├── NameOfDisabledError   the name was a person's who is disabled
├── KeyReusedError        Idempotency-Key with another body
├── KeyInProgressError    Idempotency-Key whose first request runs
├── NoDeviceError         no device that could be asked
├── ConsentError          the owner has not allowed it
├── FaultyCampaignError   a collection campaign that does not fit
├── ExposureError         a public listener that was not asked for
├── ListenError           the port is in use
├── ChannelError          a message that no channel took (it is tried again; nobody is answered with it)
├── PolicyError           an operation without a policy (a fault of ours; the app does not start)
└── RouteError            a POST that takes an Idempotency-Key without a transaction (likewise)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vehicle.errors import CampaignError


class DeskError(Exception):
    """Root of everything that the service desk refuses."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"
    words: ClassVar[frozenset[str]] = frozenset()
    """Names of values that are words of ours, and so have translations themselves."""

    def __init__(self, sentence: str = "", **values: object) -> None:
        self.sentence, self.values = sentence, values
        super().__init__(sentence.format(**values))

    @property
    def name(self) -> str:
        """Stable name for programs, such as ``slot-taken``."""
        words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in type(self).__name__)
        return words.removesuffix("-error").lstrip("-")


class NotSignedInError(DeskError):
    """No valid session or token."""

    status, title = 401, "Not signed in"

    def __init__(self) -> None:
        super().__init__("sign in, or send a valid token as `Authorization: Bearer …`")


class WrongCredentialsError(DeskError):
    """Name or password is wrong; which of the two is not told."""

    status, title = 401, "Wrong name or password"

    def __init__(self) -> None:
        super().__init__("the name or the password is wrong")


class TooManyTriesError(DeskError):
    """Sign-in is slowed down."""

    status, title = 429, "Too many tries"

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__("too many tries; try again in {seconds} s", seconds=retry_after_s)


class NotAllowedError(DeskError):
    """The role may not do this."""

    status, title = 403, "Not allowed"
    words = frozenset({"role"})

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__("the role {role} may not do this", role=role)


class CrossSiteError(DeskError):
    """An unsafe request with a session but without its form token, or from another site."""

    status, title = 403, "Cross-site request"


class SessionNeededError(DeskError):
    """Only who has signed in with a password may do this, no token: who finds a token must not make it last."""

    status, title = 403, "Sign in for this"

    def __init__(self) -> None:
        super().__init__("a token cannot make tokens; sign in with name and password for that")


class NotFoundError(DeskError):
    """No such object, or one of another dealer or owner; the two are not told apart."""

    status, title = 404, "Not found"
    words = frozenset({"what"})

    def __init__(self, what: str, identity: str) -> None:
        self.what, self.identity = what, identity
        super().__init__("there is no {what} {identity!r} here", what=what, identity=identity)


class IllegalMoveError(DeskError):
    """A state cannot become the one asked for; nothing was changed."""

    status, title = 409, "Not possible in this state"
    words = frozenset({"what", "state", "move"})

    def __init__(self, what: str, state: str, move: str) -> None:
        self.what, self.state, self.move = what, state, move
        super().__init__("the {what} is {state}; {move} is not possible now", what=what, state=state, move=move)


class SlotTakenError(DeskError):
    """The time was taken meanwhile."""

    status, title = 409, "Time taken"

    def __init__(self, start: datetime) -> None:
        self.start = start
        super().__init__("{start} was taken meanwhile; choose another time", start=start)


class NoSlotError(DeskError):
    """No free time in the horizon."""

    status, title = 409, "No free time"

    def __init__(self, days: int) -> None:
        super().__init__("the shop has no free time in the next {days} days; add a bay or opening hours", days=days)


class OutsideHoursError(DeskError):
    """The shop is closed then, or the time is not on the quarter of an hour."""

    status, title = 422, "Closed then"

    def __init__(self, start: datetime) -> None:
        super().__init__("{start} is not a time that the shop offers; ask for the free times", start=start)


class InvalidRequestError(DeskError):
    """A value that does not fit."""

    status, title = 422, "Invalid value"


class BodyTooLargeError(DeskError):
    """A request that is too large; what is sent of it beyond is not read."""

    status, title = 413, "Too large"

    def __init__(self, most: int) -> None:
        super().__init__("a request has at most {most} bytes", most=most)


class DuplicateNameError(DeskError):
    """The name is taken."""

    status, title = 409, "Name taken"

    def __init__(self, name: str) -> None:
        super().__init__("the name {name!r} is taken; choose another", name=name)


class NameOfDisabledError(DeskError):
    """The name was a person's who is disabled; it stays theirs on record."""

    status, title = 409, "Name taken"

    def __init__(self, name: str) -> None:
        super().__init__("the name {name!r} belongs to a person who is disabled; choose another", name=name)


class KeyReusedError(DeskError):
    """An Idempotency-Key came again with another body."""

    status, title = 422, "Idempotency-Key reused"

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used with another body; make a new key for a new request")


class KeyInProgressError(DeskError):
    """The first request with this Idempotency-Key still runs."""

    status, title = 409, "In progress"

    def __init__(self) -> None:
        super().__init__("the first request with this Idempotency-Key still runs; try again shortly")


class NoDeviceError(DeskError):
    """No device that could be asked."""

    status, title = 409, "No device"

    def __init__(self) -> None:
        super().__init__("no device is installed in this vehicle, so nothing can be asked of it")


class ConsentError(DeskError):
    """Something that needs the owner's word, and does not have it."""

    status, title = 409, "No consent"

    def __init__(self) -> None:
        super().__init__("the car's owner has not allowed codes to be cleared, or longer ago than a day")


class FaultyCampaignError(DeskError):
    """A collection campaign that does not fit; each fault names its field."""

    status, title = 422, "Campaign does not fit"

    def __init__(self, faults: Sequence[CampaignError]) -> None:
        self.faults = faults
        super().__init__("the campaign does not fit yet")


class ExposureError(DeskError):
    """A public listener that was not asked for."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "{host} can be reached from outside without TLS; set ROADWORTHY_API_PUBLIC=true only behind a TLS proxy",
            host=host,
        )


class ListenError(DeskError):
    """The port is in use."""

    def __init__(self, host: str, port: int) -> None:
        sentence = "port {port} on {host} is in use; end what listens there or set ROADWORTHY_API_PORT"
        super().__init__(sentence, port=port, host=host)


class ChannelError(DeskError):
    """A message that no channel took."""


class PolicyError(DeskError):
    """An operation without a policy."""

    def __init__(self, operations: list[str]) -> None:
        listed = ", ".join(operations)
        super().__init__("these operations have no policy in api/policy.py: {operations}", operations=listed)


class RouteError(DeskError):
    """A POST that takes an Idempotency-Key and has no transaction in which its answer could be kept."""

    def __init__(self, path: str) -> None:
        super().__init__("POST {path} takes an Idempotency-Key, so its function needs a Database parameter", path=path)
