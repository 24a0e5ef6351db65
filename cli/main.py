"""Dispatch and exit status of the command line."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from ..core.errors import CancelledError, InvalidRequestError, Problem, SyncDiffusionError
from ..core.version import VERSION
from . import benchmark, engine, evaluate, generate, models, pictures

DONE = 0
FAILED = 1
INVALID = 2
INTERRUPTED = 130

Cancelled = Callable[[], bool]


def main(arguments: Sequence[str] | None = None, problems: Sequence[Problem] = ()) -> int:
    """Run the command line. Returns the exit status: 0 done, 1 failed, 2 invalid request, 130 interrupted.

    ``problems`` were found by whoever calls it, and are reported with the others.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _Parser("syncdiffusion", description="Coherent AI panoramas.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (generate, models, engine, evaluate, benchmark, pictures):
        module.add_parser(commands)

    def command(cancelled: Cancelled) -> None:
        options, unknown = parser.parse_known_args(_join_negative_numbers(arguments))
        options.run(options, unknown, cancelled, problems)

    return _run(command, debug="--debug" in arguments)


class _Parser(argparse.ArgumentParser):
    """Reports what it cannot parse as any other problem of a request."""

    def error(self, message: str) -> NoReturn:
        """``message`` begins with the argument in question, unless the command is missing.

        Raises InvalidRequestError.
        """
        if not message.startswith("argument "):
            message = "argument command: is missing; --help lists the commands"
        name, _, sentence = message.removeprefix("argument ").partition(": ")
        sentence = sentence.replace("ignored explicit argument", "takes no value, so not")
        raise InvalidRequestError([Problem(name.rpartition("/")[2].lstrip("-").lower(), sentence)])


def _join_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """``--x -inf`` as ``--x=-inf``, since the parser takes the words of some negative numbers for options."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and _is_negative_number(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _is_negative_number(word: str) -> bool:
    """Also of a word that goes on after a colon, as a region's."""
    try:
        float(word.partition(":")[0])
    except ValueError:
        return False
    return word.startswith("-")


def _run(command: Callable[[Cancelled], None], debug: bool) -> int:
    try:
        with _interruptible() as cancelled:
            command(cancelled)
    except InvalidRequestError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return FAILED if all(problem.corrupted for problem in error.problems) else INVALID
    except (CancelledError, KeyboardInterrupt):
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except SyncDiffusionError as error:
        _explain(str(error), debug)
        return FAILED
    except Exception as error:
        _explain(f"an unexpected error: {type(error).__name__}: {error}; --debug shows where", debug)
        return FAILED
    return DONE


def _explain(sentence: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print(sentence, file=sys.stderr)


@contextmanager
def _interruptible() -> Iterator[Cancelled]:
    """Within, the first Ctrl-C asks the run to stop in good order, and a second one stops it on the spot."""
    interrupted = False

    def on_interrupt(*_: object) -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt
        interrupted = True
        print("\nstopping (press again to stop on the spot)", file=sys.stderr)

    try:
        previous = signal.signal(signal.SIGINT, on_interrupt)
    except ValueError:  # not the main thread: the caller looks after signals
        yield lambda: False
        return
    try:
        yield lambda: interrupted
    finally:
        # Inside Blender the handler before is not Python's, which then knows no way back to it.
        signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)
