"""The engine: install, repair, remove, take it from a folder; and what goes with it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.props import StringProperty

from ..blender.preferences import preferences
from ..blender.setup import Topic, failed, setup, why_offline
from ..core.activity import Activity
from ..core.engine_setup.builds import available
from ..core.engine_setup.found import find_torch, made_for_this_python, site_in
from ..core.engine_setup.host import Host
from ..core.engine_setup.install import Source, verify
from ..core.engine_setup.machine import this_system
from ..core.engine_setup.sources import FromFolder, FromIndex
from ..core.errors import SyncDiffusionError

IN_USE = "The engine is in use since the last picture: restart Blender, and do this before the next"


def begin(
    operator: bpy.types.Operator,
    activity: Activity,
    after: Callable[[], None] = lambda: None,
    topic: Topic = Topic.ENGINE,
) -> set[str]:
    """Start an activity, and call ``after`` when it is done; in a background Blender its failure is the operator's."""

    def then(ended: Activity) -> None:
        if not failed(ended):
            after()
        setup.look_again()

    try:
        setup.start(activity, topic, then)
    except SyncDiffusionError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    if bpy.app.background and failed(activity):
        operator.report({"ERROR"}, activity.message)
        return {"CANCELLED"}
    return {"FINISHED"}


def install_from(operator: bpy.types.Operator, source: Source, title: str) -> set[str]:
    """Install from an index or a folder, in the place of what is installed there."""
    folder = setup.folder
    host = Host.this(folder.site)
    return begin(operator, Activity(title, lambda activity: folder.install(source, host, activity)))


class Idle:
    """What is possible while nothing is being installed or downloaded."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether nothing runs."""
        reason = f"{setup.activity.title} is still running" if setup.busy else cls.why_not()
        cls.poll_message_set(reason)
        return not reason

    @classmethod
    def why_not(cls) -> str:
        """What else stands against it."""
        return ""


class SYNCDIFFUSION_OT_install_engine(Idle, bpy.types.Operator):
    """Download and install torch in the background; nothing of Blender's is changed"""

    bl_idname = "syncdiffusion.install_engine"
    bl_label = "Install Engine"

    build: StringProperty(name="Build", description="Which build; empty takes the one that the preferences name")
    wheels: StringProperty(name="Wheels", description="A folder of wheels to install from, without a network")

    @classmethod
    def why_not(cls) -> str:
        """A torch that Blender's Python finds anyway is used."""
        found = find_torch()
        if found is not None and site_in(setup.folder.root) is None:
            return f"Blender's Python finds torch {found.version} in {found.folder}: it is used"
        return IN_USE if setup.engine_loaded else ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Choose the source, and begin."""
        if self.wheels:
            return install_from(self, FromFolder(Path(self.wheels)), "Installing the engine")
        builds = {build.key: build for build in available(this_system())}
        build, why = (builds.get(self.build), "") if self.build else setup.build()
        reason = why_offline()
        if not reason and build is None:
            reason = why or f"build {self.build!r} is not for this system; there are {', '.join(builds)}"
        if reason:
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        return install_from(self, FromIndex(build), "Installing the engine")


class ChooseFolder(Idle):
    """An operator that asks for a folder."""

    directory: StringProperty(subtype="DIR_PATH")
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class SYNCDIFFUSION_OT_install_from_wheels(ChooseFolder, bpy.types.Operator):
    """Install the engine from a folder of wheels that was made on another computer, without a network"""

    bl_idname = "syncdiffusion.install_from_wheels"
    bl_label = "Install from Wheels"

    @classmethod
    def why_not(cls) -> str:
        """As for installing."""
        return SYNCDIFFUSION_OT_install_engine.why_not()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Install from the chosen folder."""
        return install_from(self, FromFolder(Path(self.directory)), "Installing the engine")


class SYNCDIFFUSION_OT_use_engine_folder(ChooseFolder, bpy.types.Operator):
    """Use a torch that is on this computer already: a folder of packages, or an environment of another program"""

    bl_idname = "syncdiffusion.use_engine_folder"
    bl_label = "Use Existing Folder"

    @classmethod
    def why_not(cls) -> str:
        """Another engine cannot take the place of one that is loaded."""
        return IN_USE if setup.engine_loaded else ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Verify the folder as a fresh installation is verified, then keep it in the preferences."""
        root = Path(self.directory)
        site = site_in(root)
        reason = ""
        if site is None:
            reason = f"there is no torch in {root}: choose a folder of Python packages or an environment with torch"
        elif not made_for_this_python(site):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            reason = f"the torch in {site} is not for Python {version}, which this Blender has"
        if reason:
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        host = Host.this(setup.folder.site)

        def work(activity: Activity) -> str:
            found = verify(site, host, activity)
            return f"torch {found['torch']} in {site} is used and computes on {found['name']}"

        def keep() -> None:
            preferences().engine_folder = str(root)

        return begin(self, Activity("Verifying the folder", work), keep)


class SYNCDIFFUSION_OT_repair_engine(Idle, bpy.types.Operator):
    """Install the engine anew, in the place of the one that is there"""

    bl_idname = "syncdiffusion.repair_engine"
    bl_label = "Repair"

    @classmethod
    def why_not(cls) -> str:
        """Only what was installed here is repaired."""
        if setup.engine_loaded:
            return IN_USE
        return "" if setup.folder.site.is_dir() else "No engine was installed by this extension"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """As installing."""
        build, why = setup.build()
        if reason := why_offline() or ("" if build else why):
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        return install_from(self, FromIndex(build), "Repairing the engine")


class SYNCDIFFUSION_OT_remove_engine(Idle, bpy.types.Operator):
    """Delete the engine that was installed by this extension, and what was downloaded for it"""

    bl_idname = "syncdiffusion.remove_engine"
    bl_label = "Remove"

    @classmethod
    def why_not(cls) -> str:
        """Only what was installed here is removed."""
        if setup.engine_loaded:
            return IN_USE
        folder = setup.folder
        return "" if folder.site.is_dir() or folder.kept_bytes else "No engine was installed by this extension"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first."""
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Delete it beside the main thread: it is thousands of files."""
        folder = setup.folder

        def work(_: Activity) -> str:
            folder.remove()
            return "The engine was removed"

        return begin(self, Activity("Removing the engine", work))


class SYNCDIFFUSION_OT_cancel_setup(bpy.types.Operator):
    """Stop what is being installed or downloaded; what was there before is still there"""

    bl_idname = "syncdiffusion.cancel_setup"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether something runs."""
        cls.poll_message_set("Nothing is being installed or downloaded")
        return setup.busy

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask it to stop."""
        setup.activity.cancel()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_dismiss_setup(Idle, bpy.types.Operator):
    """Take the message away"""

    bl_idname = "syncdiffusion.dismiss_setup"
    bl_label = "Dismiss"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget what ran last."""
        setup.activity = None
        return {"FINISHED"}


class SYNCDIFFUSION_OT_copy_setup_log(bpy.types.Operator):
    """Copy all that the installation or the download said"""

    bl_idname = "syncdiffusion.copy_setup_log"
    bl_label = "Copy Log"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is one."""
        cls.poll_message_set("Nothing was installed or downloaded")
        return setup.activity is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Put it on the clipboard."""
        context.window_manager.clipboard = setup.activity.log
        return {"FINISHED"}


CLASSES = (
    SYNCDIFFUSION_OT_install_engine,
    SYNCDIFFUSION_OT_install_from_wheels,
    SYNCDIFFUSION_OT_use_engine_folder,
    SYNCDIFFUSION_OT_repair_engine,
    SYNCDIFFUSION_OT_remove_engine,
    SYNCDIFFUSION_OT_cancel_setup,
    SYNCDIFFUSION_OT_dismiss_setup,
    SYNCDIFFUSION_OT_copy_setup_log,
)
