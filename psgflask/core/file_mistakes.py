"""Mistakes in a file that somebody wrote, each with its line."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong on a line of a file (counted from 1), and what to write there."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class InvalidFile(ValueError):
    """A file has mistakes; `mistakes` has all that were found, by line."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))
