"""The problems of a request, gathered by all that checks it and reported at once."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidRequestError, Problem


class Findings:
    """The problems found so far."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self.problems = list(problems)

    def about(self, *settings: str) -> bool:
        """Whether there is a problem with any of these settings."""
        return any(problem.field in settings for problem in self.problems)

    def add(self, setting: str, sentence: str, *others: str) -> None:
        """Note what is wrong with a setting beside ``others``, unless one of them all is known to be wrong already."""
        if not self.about(setting, *others):
            self.problems.append(Problem(setting, sentence))

    def raise_any(self) -> None:
        """Raise InvalidRequestError if there is a problem."""
        if self.problems:
            raise InvalidRequestError(self.problems)
