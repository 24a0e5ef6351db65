"""What can be done about an error."""

from __future__ import annotations

import bpy

from ..blender import screen
from ..blender.preferences import PACKAGE, preferences
from ..blender.session import session
from ..core.errors import Remedy

# Those that change a setting and then try again.
AGAIN = (Remedy.LOW_MEMORY, Remedy.CPU)


class SYNCDIFFUSION_OT_dismiss(bpy.types.Operator):
    """Take the message away"""

    bl_idname = "syncdiffusion.dismiss"
    bl_label = "Dismiss"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget the failure and the notices."""
        session.failure = None
        session.notices.clear()
        screen.redraw()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_copy_details(bpy.types.Operator):
    """Copy what went wrong, with where in the code, for a report"""

    bl_idname = "syncdiffusion.copy_details"
    bl_label = "Copy Details"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether something went wrong."""
        cls.poll_message_set("Nothing went wrong")
        return session.failure is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Put the sentence and the traceback on the clipboard."""
        failure = session.failure
        context.window_manager.clipboard = "\n".join(filter(None, (failure.sentence, failure.details)))
        return {"FINISHED"}


class SYNCDIFFUSION_OT_remedy(bpy.types.Operator):
    """Do what would help"""

    bl_idname = "syncdiffusion.remedy"
    bl_label = "Remedy"

    kind: bpy.props.EnumProperty(
        name="Kind",
        description="What to do",
        items=tuple((remedy.value, remedy.name.replace("_", " ").title(), "") for remedy in Remedy),
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: SYNCDIFFUSION_OT_remedy) -> str:
        """What the button does."""
        return {
            Remedy.LOW_MEMORY: "Switch Low VRAM on, and generate again",
            Remedy.CPU: "Compute on the CPU, and generate again",
            Remedy.OTHER_MODEL: "Choose another model's folder or .safetensors file",
            Remedy.ONLINE: "Allow Blender to use the network, so that what is missing can be downloaded",
            Remedy.DOWNLOAD: "Download the model, or the network that its loss looks through",
            Remedy.OTHER_FOLDER: "Choose another folder for pictures, in the preferences",
        }[Remedy(properties.kind)]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change what has to be changed; where that is all it takes, generate again."""
        remedy = Remedy(self.kind)
        settings = context.scene.syncdiffusion
        if remedy is Remedy.LOW_MEMORY:
            settings.low_memory = True
        elif remedy is Remedy.CPU:
            preferences().device = "cpu"
        elif remedy is Remedy.OTHER_MODEL:
            return bpy.ops.syncdiffusion.choose_model("INVOKE_DEFAULT")
        elif remedy is Remedy.DOWNLOAD:
            return bpy.ops.syncdiffusion.download_model()
        elif remedy is Remedy.ONLINE:
            return bpy.ops.extensions.userpref_allow_online("EXEC_DEFAULT")
        else:
            return bpy.ops.preferences.addon_show(module=PACKAGE)
        return bpy.ops.syncdiffusion.generate() if remedy in AGAIN else {"FINISHED"}


class SYNCDIFFUSION_OT_choose_model(bpy.types.Operator):
    """Choose a model on the disk: a folder in diffusers layout, or a .safetensors file"""

    bl_idname = "syncdiffusion.choose_model"
    bl_label = "Choose Model"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(default="*.safetensors", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for it."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the scene's model, and take the message away that asked for another."""
        context.scene.syncdiffusion.model = self.filepath.rstrip("/\\")
        session.failure = None
        return {"FINISHED"}


CLASSES = (
    SYNCDIFFUSION_OT_dismiss,
    SYNCDIFFUSION_OT_copy_details,
    SYNCDIFFUSION_OT_remedy,
    SYNCDIFFUSION_OT_choose_model,
)
