"""Models: list, download, add, choose; and the report on this computer."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..blender import session as state
from ..blender.library import added_models, library, needed_by, set_added_models
from ..blender.setup import Topic, engine_root, failed, setup, why_offline
from ..blender.storage import folder_for_new
from ..core.activity import Activity
from ..core.errors import SyncDiffusionError
from ..core.models.library import SUGGESTED
from ..core.system_report import system_report
from .engine import Idle, begin


class SYNCDIFFUSION_OT_download_model(Idle, bpy.types.Operator):
    """Download a model into the cache that other programs share, or the network that a loss looks through"""

    bl_idname = "syncdiffusion.download_model"
    bl_label = "Download"

    model: StringProperty(
        name="Model", description="A hub id (owner/name) or a loss; empty takes what the scene's settings lack"
    )

    @classmethod
    def why_not(cls) -> str:
        """The network has to be allowed."""
        return why_offline()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin; the list is made anew at the end."""
        from ..cli.models import downloading

        name = self.model or needed_by(context.scene.syncdiffusion) or SUGGESTED
        try:
            activity = downloading(name, half=True)
        except SyncDiffusionError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

        def after() -> None:
            library.look()
            state.session.failure = None

        return begin(self, activity, after, Topic.MODELS)


class SYNCDIFFUSION_OT_list_models(bpy.types.Operator):
    """Look for models on this computer"""

    bl_idname = "syncdiffusion.list_models"
    bl_label = "Refresh"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Beside the main thread."""
        library.look()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_add_model(bpy.types.Operator):
    """Add a model on this computer to the list: a folder in diffusers layout, or a .safetensors file"""

    bl_idname = "syncdiffusion.add_model"
    bl_label = "Add Model"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for it."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Keep its path."""
        set_added_models([*added_models(), self.filepath.rstrip("/\\")])
        return {"FINISHED"}


class SYNCDIFFUSION_OT_forget_model(bpy.types.Operator):
    """Take a model off the list; its files stay"""

    bl_idname = "syncdiffusion.forget_model"
    bl_label = "Forget"

    model: StringProperty()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Drop its path."""
        set_added_models([path for path in added_models() if path != self.model])
        return {"FINISHED"}


class SYNCDIFFUSION_OT_use_model(bpy.types.Operator):
    """Make the scene's next pictures with this model"""

    bl_idname = "syncdiffusion.use_model"
    bl_label = "Use"
    bl_options = {"REGISTER", "UNDO"}

    model: StringProperty()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set it."""
        context.scene.syncdiffusion.model = self.model
        return {"FINISHED"}


class SYNCDIFFUSION_OT_copy_report(Idle, bpy.types.Operator):
    """Copy what a report of an error should tell: versions, graphics card, memory, folders, the last errors"""

    bl_idname = "syncdiffusion.copy_report"
    bl_label = "Copy System Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Gather beside the main thread, since the driver is asked; then put it on the clipboard."""
        blender = f"Blender {bpy.app.version_string} {'in the background' if bpy.app.background else 'with a window'}"
        folders = [("pictures", folder_for_new()), ("the engine", engine_root())]
        errors = list(_errors())
        gathered: list[str] = []

        def work(_: Activity) -> str:
            from ..core.engine_setup.machine import detect

            gathered.append(system_report(detect(), blender, folders, errors))
            return "The report is on the clipboard"

        window_manager = context.window_manager

        def after() -> None:
            window_manager.clipboard = gathered[0]

        return begin(self, Activity("Gathering the report", work), after, Topic.MODELS)


def _errors() -> list[str]:
    """The last failure of a picture, and the log of what was installed or downloaded if that failed."""
    found = []
    failure = state.session.failure
    if failure is not None:
        found += [failure.sentence, failure.details]
    if setup.activity is not None and failed(setup.activity):
        found.append(setup.activity.log)
    return [text for text in found if text]


CLASSES = (
    SYNCDIFFUSION_OT_download_model,
    SYNCDIFFUSION_OT_list_models,
    SYNCDIFFUSION_OT_add_model,
    SYNCDIFFUSION_OT_forget_model,
    SYNCDIFFUSION_OT_use_model,
    SYNCDIFFUSION_OT_copy_report,
)
