"""A hand for tours: it moves the mouse, finds what lies under it, and presses that. Runs in Blender's window.

The events are the X server's own, made by ``xdotool``. What lies under the pointer is asked of Blender: the two
commands of its context menu that copy a button's operator and its property say which button that is. So a tour names
what it presses, and no position of a button is written down anywhere.
"""

from __future__ import annotations

import subprocess
import traceback
from collections.abc import Callable, Generator, Iterator

import bpy

EDGE = 10  # pixels of a region's upper and lower end, where a press may mean its border
STEP = 11  # pixels between two looks; a button is 20 high
COLUMNS = ((0.5,), (0.25, 0.75, 0.9))  # of the region's width, where buttons are looked for first, and then
PAGES = 6  # that a region may be scrolled
TURN = 0.06  # seconds in which Blender takes in where the pointer is

Act = Generator[None, None, None]


def xdotool(*words: object) -> None:
    """Events of the mouse and the keyboard."""
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=20)


class Hand:
    """Acts one after another; ``done`` says when the last one has ended, and raises what went wrong in it."""

    def __init__(self) -> None:
        self._act: Act | None = None
        self._error = ""
        self._known: dict[str, tuple[int, int]] = {}

    def press(self, what: str, kind: str = "VIEW_3D", region: str = "UI") -> None:
        """Press the button whose operator or property contains ``what``, in an editor's region."""
        self._begin(self._press(what, kind, region))

    def write(self, what: str, text: str, kind: str = "VIEW_3D", region: str = "UI") -> None:
        """Write into a field, in the place of what is there."""
        self._begin(self._write(what, text, kind, region))

    def look(self, kind: str = "VIEW_3D", region: str = "WINDOW") -> None:
        """Point at the middle of a region, so that keys go there."""
        self._begin(self._look(kind, region))

    def done(self) -> bool:
        """Whether nothing is being done any more."""
        if self._error:
            error, self._error = self._error, ""
            raise RuntimeError(error)
        return self._act is None

    def _begin(self, act: Act) -> None:
        assert self._act is None, "one thing after another"
        self._act = act
        bpy.app.timers.register(self._go_on, persistent=True)

    def _go_on(self) -> float | None:
        try:
            next(self._act)
        except StopIteration:
            self._act = None
        except Exception:
            self._act, self._error = None, traceback.format_exc()
        return None if self._act is None else TURN

    def _look(self, kind: str, region: str) -> Act:
        place = Place(kind, region)
        xdotool("mousemove", *place.at(0.5, 0.5))
        yield

    def _press(self, what: str, kind: str, region: str) -> Act:
        yield from self._find(what, Place(kind, region))
        xdotool("click", 1)
        yield

    def _write(self, what: str, text: str, kind: str, region: str) -> Act:
        yield from self._find(what, Place(kind, region))
        xdotool("click", "--repeat", 2, "--delay", 80, 1)
        yield
        xdotool("key", "ctrl+a")
        xdotool("type", "--delay", 30, text)
        xdotool("key", "Return")
        yield

    def _find(self, what: str, place: Place) -> Act:
        """Leave the pointer on the button."""
        if what in self._known and (yield from place.is_under(self._known[what], what)):
            return
        for columns in COLUMNS:
            for page in range(PAGES):
                yield from self._scroll(place, page)
                for x, y in place.points(columns):
                    if (yield from place.is_under((x, y), what)):
                        self._known[what] = x, y
                        if not (yield from place.is_under((x, y + STEP // 2), what)):  # farther from its edge
                            yield from place.is_under((x, y), what)
                        return
        raise LookupError(f"there is no button for {what!r} in {place.kind}, {place.region_kind}")

    def _scroll(self, place: Place, page: int) -> Act:
        """The first page is what is shown now, the second the top, the others lie below it."""
        if page:
            times, wheel = (60, 4) if page == 1 else (8, 5)
            xdotool("mousemove", *place.at(0.5, 0.5), "click", "--repeat", times, "--delay", 5, wheel)
            yield


class Place:
    """A region of the first editor of its kind."""

    def __init__(self, kind: str, region: str) -> None:
        self.kind, self.region_kind = kind, region

    def at(self, across: float, down: float) -> tuple[int, int]:
        """A point of the region on the screen, from its top left."""
        window, _, region = self._parts()
        x = region.x + region.width * across
        return int(x), int(window.height - region.y - region.height * (1.0 - down))

    def points(self, columns: tuple[float, ...]) -> Iterator[tuple[int, int]]:
        """Where to look for buttons, column by column."""
        for column in columns:
            x, top = self.at(column, 0.0)
            yield from ((x, y) for y in range(top + EDGE, self.at(column, 1.0)[1] - EDGE, STEP))

    def is_under(self, point: tuple[int, int], what: str) -> Generator[None, None, bool]:
        """Point there, and say whether it is a button for ``what``."""
        xdotool("mousemove", *point)
        yield
        return any(what in text for text in self._button())

    def _button(self) -> list[str]:
        """What the button under the pointer has: ``bpy.ops.x.y(z=1)``, ``bpy.data.scenes["Scene"].x``."""
        window, area, region = self._parts()
        manager, texts = bpy.context.window_manager, []
        with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
            for command, options in self._commands():
                if command.poll():
                    command(**options)
                    texts.append(manager.clipboard)
        return texts

    @staticmethod
    def _commands() -> tuple[tuple[Callable, dict[str, bool]], ...]:
        return (bpy.ops.ui.copy_python_command_button, {}), (bpy.ops.ui.copy_data_path_button, {"full_path": True})

    def _parts(self) -> tuple[bpy.types.Window, bpy.types.Area, bpy.types.Region]:
        window = bpy.context.window_manager.windows[0]
        area = next(area for area in window.screen.areas if area.type == self.kind)
        return window, area, next(region for region in area.regions if region.type == self.region_kind)
