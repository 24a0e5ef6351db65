"""The pictures that a file holds, and where their files lie."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..blender import history, storage
from .image import OnImage
from .reasons import Reasoned


class SYNCDIFFUSION_OT_reuse_seed(OnImage, bpy.types.Operator):
    """Take the picture's seed for the next one, and keep all other settings"""

    bl_idname = "syncdiffusion.reuse_seed"
    bl_label = "Reuse Seed"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the seed, and no longer a random one."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        settings = context.scene.syncdiffusion
        settings.seed, settings.use_random_seed = history.seed_of(image), False
        return {"FINISHED"}


class SYNCDIFFUSION_OT_delete_image(OnImage, bpy.types.Operator):
    """Delete the picture from this file; asks first"""

    bl_idname = "syncdiffusion.delete_image"
    bl_label = "Delete Picture"
    bl_options = {"REGISTER", "UNDO"}

    delete_file: bpy.props.BoolProperty(
        name="Delete the File Too", description="This cannot be undone", options={"SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask."""
        return context.window_manager.invoke_props_dialog(self, width=340, confirm_text="Delete")

    def draw(self, context: bpy.types.Context) -> None:
        """What is deleted, and what that leaves without a picture."""
        image = bpy.data.images.get(self.image)
        if image is None:
            return
        layout = self.layout
        layout.label(text=image.name, icon="IMAGE_DATA")
        if users := image.users - image.use_fake_user:
            layout.label(text=f"It is in use {users} times, where nothing will be left of it", icon="ERROR")
        layout.prop(self, "delete_file")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove the data-block and, where that is wished, the file."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        path = Path(bpy.path.abspath(image.filepath))
        bpy.data.images.remove(image)
        if self.delete_file:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self.report({"WARNING"}, f"{path} could not be deleted: {error.strerror or error}")
        return {"FINISHED"}


class SYNCDIFFUSION_OT_find_pictures(bpy.types.Operator):
    """Look in the folder for pictures that this file does not hold, and take them into its history"""

    bl_idname = "syncdiffusion.find_pictures"
    bl_label = "Find Pictures in Folder"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Load what carries a request."""
        found = history.find(Path(storage.shown_folder()).expanduser())
        self.report({"INFO"}, f"{found} pictures found" if found else "No other pictures are in the folder")
        return {"FINISHED"}


class SYNCDIFFUSION_OT_select_picture(OnImage, bpy.types.Operator):
    """Choose the picture that the buttons below are about"""

    bl_idname = "syncdiffusion.select_picture"
    bl_label = "Select Picture"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make it the active one."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        context.scene.syncdiffusion.history_picture = image.name
        return {"FINISHED"}


class SYNCDIFFUSION_OT_move_to_project(Reasoned, bpy.types.Operator):
    """Move the pictures of this file into the folder textures beside it"""

    bl_idname = "syncdiffusion.move_to_project"
    bl_label = "Move to Project"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why there is nothing to move, or nowhere to move it."""
        if not bpy.data.filepath:
            return "Save the file first: its folder is where they go"
        return "" if storage.outside_project() else "All pictures of this file are in its project"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Move them, and say what could not be moved."""
        try:
            moved, failed = storage.move_to_project()
        except OSError as error:
            self.report({"ERROR"}, f"The folder {storage.shown_folder()} cannot be made: {error.strerror or error}")
            return {"CANCELLED"}
        for sentence in failed:
            self.report({"WARNING"}, sentence)
        self.report({"INFO"}, f"{moved} pictures moved to {storage.PROJECT_FOLDER}")
        return {"FINISHED"}


CLASSES = (
    SYNCDIFFUSION_OT_reuse_seed,
    SYNCDIFFUSION_OT_delete_image,
    SYNCDIFFUSION_OT_find_pictures,
    SYNCDIFFUSION_OT_select_picture,
    SYNCDIFFUSION_OT_move_to_project,
)
