"""Keeping what was loaded last."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from .memory import free_unused_memory

T = TypeVar("T")


class Kept(Generic[T]):
    """Keeps the one thing used last, so that it need not be loaded again. Not for two threads at a time."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._value: T | None = None

    def get(self, key: Callable[[], Hashable], load: Callable[[], T]) -> T:
        """The thing kept, if ``key()`` is the one it was kept under; else, once that is released, what ``load`` gives.

        The key is asked again after loading, which may change it (a model that had to be downloaded).
        """
        if self._value is None or key() != self._key:
            self.release()
            self._value = load()
            self._key = key()
        return self._value

    @property
    def value(self) -> T | None:
        """The thing kept, if there is one."""
        return self._value

    def release(self) -> None:
        """Forget it and give its memory back."""
        self._value = None
        free_unused_memory()
