"""Work that takes a while, done in a thread beside other work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """Calls a function at once, without waiting for it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # whatever it is, it is for the one who waits for the result
            self._error = error

    def result(self) -> T:
        """The function's result, once it is there. Raises what the function raises."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._result
