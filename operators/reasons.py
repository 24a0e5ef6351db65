"""Operators that say why they are grey."""

from __future__ import annotations

import bpy


class Reasoned:
    """An operator that can be used unless ``why_not`` gives a reason, which is then its tooltip's last line."""

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why it cannot be used now; empty if it can."""
        return ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is no reason against it."""
        reason = cls.why_not(context)
        cls.poll_message_set(reason)
        return not reason
