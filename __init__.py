"""SyncDiffusion for Blender: coherent AI panoramas, as an extension, a command line and a Python library.

Importing this package costs nothing: torch is imported when a panorama is generated, and ``bpy`` only inside Blender.
"""

from __future__ import annotations

_commands: list[object] = []


def register() -> None:
    """Called by Blender when the extension is enabled: ``blender --command syncdiffusion generate ...``."""
    import bpy

    from .cli.main import main

    # Blender drops the command when nothing holds its handle.
    _commands.append(bpy.utils.register_cli_command("syncdiffusion", main))


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    import bpy

    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
