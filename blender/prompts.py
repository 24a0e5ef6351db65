"""A prompt as a Text data-block: room to write, in Blender's Text Editor. What is written there is read back."""

from __future__ import annotations

import bpy

NAME = "SyncDiffusion Prompt"
SCENE = "syncdiffusion_scene"  # custom property of the Text: whose prompt it is
READ = "syncdiffusion_read"  # ... and what was read from it last
INTERVAL = 0.3  # seconds between two looks


def open_text(scene: bpy.types.Scene) -> bpy.types.Text:
    """The Text with a scene's prompt; from now on what is written in it becomes the prompt."""
    text = bpy.data.texts.get(NAME) or bpy.data.texts.new(NAME)
    text.from_string(scene.syncdiffusion.prompt)
    text[SCENE], text[READ] = scene.name, text.as_string()
    if not bpy.app.background and not bpy.app.timers.is_registered(_look):
        bpy.app.timers.register(_look, first_interval=INTERVAL, persistent=True)
    return text


def read_back() -> bool:
    """Take what was written since it was last read. Returns whether there is such a Text and its scene."""
    text = bpy.data.texts.get(NAME)
    scene = bpy.data.scenes.get(text.get(SCENE, "")) if text is not None else None
    if scene is None:
        return False
    written = text.as_string()
    if written != text[READ]:
        text[READ] = written
        scene.syncdiffusion.prompt = " ".join(written.split())
    return True


def _look() -> float | None:
    """Texts tell nobody that they have changed. Ends when the Text is gone, or belongs to a file opened since."""
    return INTERVAL if read_back() else None


def stop() -> None:
    """No more looks."""
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
