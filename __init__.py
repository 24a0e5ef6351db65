"""SyncDiffusion for Blender: coherent AI panoramas, as an extension, a command line and a Python library.

Importing this package costs nothing: torch is imported when a panorama is generated, and ``bpy`` only inside Blender.
"""

from __future__ import annotations

_commands: list[object] = []

CLOSE_SECONDS = 5.0  # that a running job gets to end when the extension is disabled


def register() -> None:
    """Called by Blender when the extension is enabled."""
    import bpy

    from . import operators, panels
    from .blender import command, handlers, preferences, pump, settings, setup

    for module in (preferences, setup, settings, operators, panels, handlers):
        module.register()
    if not bpy.app.background:
        pump.start()
    # ``blender --command syncdiffusion generate ...``. Blender drops the command when nothing holds its handle.
    _commands.append(bpy.utils.register_cli_command("syncdiffusion", command.run))


def unregister() -> None:
    """Called by Blender when the extension is disabled: whatever runs is cancelled."""
    import bpy

    from . import operators, panels
    from .blender import handlers, idle, live, preferences, preview, prompts, pump, settings, setup, status
    from .blender.session import session

    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    prompts.stop()
    pump.stop()
    live.remove()
    status.clear()
    session.close(CLOSE_SECONDS)
    idle.reset()
    preview.unregister()
    for module in (handlers, panels, operators, settings, setup, preferences):
        module.unregister()
