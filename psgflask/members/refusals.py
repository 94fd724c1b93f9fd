"""What the rules of members refuse has this in common: a message for people, and a field."""


class MembershipRefused(Exception):
    """Something that cannot be done; the message says why, `field` what it is about."""

    field = ""


class PersonErased(MembershipRefused):
    """Of somebody erased there is a number and payments, and nothing can be added."""

    field = "number"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} was erased: only the payments are kept")


class NothingToChange(MembershipRefused):
    """Everything is so already."""

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is like that already: there is nothing to change")


class ChangedMeanwhile(MembershipRefused):
    """Somebody else has changed this person since it was looked at."""

    field = "version"

    def __init__(self, number: str, version: int) -> None:
        super().__init__(
            f"{number} was changed meanwhile (it is version {version} now): look at it again first"
        )
        self.version = version
