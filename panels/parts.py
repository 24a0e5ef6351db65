"""Parts that several panels draw."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import bpy

from ..blender.session import session

_WIDGET = 20.0  # pixels of a widget's height at scale 1
_MARGINS = 3.5  # the same, beside a picture: the region's margins, the box's, the tabs
_LETTER = 7.0  # pixels of a letter at scale 1, about


def letters_across(context: bpy.types.Context) -> int:
    """About how many letters a line of the region holds."""
    return max(int(context.region.width / (_LETTER * context.preferences.system.ui_scale)) - 5, 16)


class _Wrapper(textwrap.TextWrapper):
    """Breaks paths after their slashes, too."""

    def _split(self, text: str) -> list[str]:
        return [part for word in super()._split(text) for part in re.split(r"(?<=[\w.][/\\])(?=[\w.])", word)]


def wrapped(layout: Any, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A text over as many lines as it takes."""
    letters = letters_across(context) - (0 if icon == "NONE" else 3)
    column = layout.column(align=True)
    column.scale_y = 0.75
    for number, line in enumerate(_Wrapper(letters).wrap(text)):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


def remark(layout: Any, context: bpy.types.Context, text: str) -> None:
    """The same for what is only to be known."""
    column = layout.column()
    column.active = False
    wrapped(column, context, text)


def named(layout: Any, name: str) -> Any:
    """A name in line with those of the fields; what is drawn into the returned part comes where their values are."""
    split = layout.split(factor=0.4)
    left = split.row()
    left.alignment = "RIGHT"
    left.label(text=name)
    right = split.column()
    right.use_property_split = False
    return right


def fact(layout: Any, name: str, value: str) -> None:
    """A value that cannot be set here, in line with the fields."""
    named(layout, name).label(text=value)


def note(layout: Any, text: str) -> None:
    """A short remark below a field, in line with the fields."""
    row = layout.row()
    row.active = False
    row.alignment = "RIGHT"
    row.label(text=text)


def picture(layout: Any, context: bpy.types.Context, icons: Sequence[int], columns: int = 1) -> None:
    """A picture in squares side by side, over the width of the panel or of one of its columns."""
    if not icons:
        return
    across = context.region.width / (_WIDGET * context.preferences.system.ui_scale) - _MARGINS
    row = layout.row(align=True)
    row.alignment = "CENTER"
    for icon in icons:
        row.template_icon(icon_value=icon, scale=max(across / columns / len(icons), 1.0))


def draw_generate(layout: Any, context: bpy.types.Context, text: str = "Generate") -> None:
    """The button, and what it will take."""
    column = layout.column()
    row = column.row()
    row.scale_y = 1.4
    row.operator("syncdiffusion.generate", text="Add to Queue" if session.tasks else text)
    if session.estimate and not session.tasks:
        wrapped(column, context, session.estimate)
