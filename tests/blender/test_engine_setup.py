"""Installing the engine from within Blender: what is missing is said, a click installs it, and nothing else changes."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from support.wheels import TORCH, make_engine_wheels

ENGINE = ("torch", "functorch", "transformers", "diffusers")  # what these tests are without

# Blender's Python as on a machine without the engine; bpy itself is imported already.
WITHOUT_ENGINE = """
    bare = HERE / "packages"
    bare.mkdir()
    for real in [Path(path) for path in sys.path if (Path(path) / "torch" / "__init__.py").is_file()]:
        for entry in real.iterdir():
            if not entry.name.startswith({engine!r}):
                (bare / entry.name).symlink_to(entry)
        sys.path[sys.path.index(str(real))] = str(bare)
    sys.path_importer_cache.clear()
    part("blender.setup").setup.look_again()
    setup = part("blender.setup").setup
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_folder = str(HERE / "Jürgens Rechner")
    numpy_before = __import__("numpy").__file__
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    """An engine's wheels for the tests: as much of torch as the verification asks for."""
    folder = tmp_path_factory.mktemp("Räder aus dem Studio")
    make_engine_wheels(folder, padding=0)
    return folder


@pytest.fixture
def without_engine(in_blender_alone, wheels) -> Callable[[str], str]:
    """Run a body in a Blender without torch; {wheels} in it is the folder of wheels."""

    def call(body: str) -> str:
        before = textwrap.dedent(WITHOUT_ENGINE).format(engine=ENGINE)
        return in_blender_alone(before + textwrap.dedent(body).replace("{wheels}", repr(str(wheels))))

    return call


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
class TestWithoutEngine:
    def test_what_is_missing_is_said_and_the_network_is_not_used_without_leave(self, without_engine):
        without_engine("""
            settings()
            assert "The engine is not installed" in refused(ops.generate)
            bpy.context.preferences.system.use_online_access = False
            said = refused(ops.install_engine)
            assert "online access is off" in said, said
            assert "Allow Online Access" in said, said
            bpy.ops.extensions.userpref_allow_online()
            assert bpy.app.online_access
            said = refused(ops.install_engine, build="amiga")
            assert "build 'amiga' is not for this system" in said, said
            assert "No engine was installed by this extension" in refused(ops.repair_engine)
            assert "No engine was installed by this extension" in refused(ops.remove_engine)
            build, why = setup.build()
            assert build is not None and why, "a build is proposed, with a reason"
        """)

    def test_from_wheels_then_removed(self, without_engine):
        without_engine("""
            preferences.engine_folder = ""
            assert ops.install_engine(wheels={wheels}) == {"FINISHED"}
            site = setup.folder.site
            assert sys.path[-1] == str(site), "the engine comes last"
            assert "user_default" in str(site), "it lies in the extension's own folder"
            assert __import__("numpy").__file__ == numpy_before
            assert not list(site.glob("numpy*"))
            assert "torch" not in sys.modules, "nothing of it is imported here"
            assert part("core.engine_setup.found").find_torch().version == "2.13.0+test"
            assert "does not find transformers, diffusers" in setup.why_no_engine()
            ops.copy_setup_log()
            assert "Verifying" in setup.activity.log

            addon_utils.disable(MODULE)
            assert str(site) not in sys.path
            addon_utils.enable(MODULE)
            assert str(site) in sys.path, "it is found again"
            assert ops.remove_engine() == {"FINISHED"}
            assert not site.exists()
            assert str(site) not in sys.path
        """)

    def test_what_does_not_work_changes_nothing(self, without_engine, tmp_path):
        make_engine_wheels(tmp_path / "bad", f"raise OSError('libcuda is missing')\n{TORCH}", padding=0)
        without_engine("""
            ops.install_engine(wheels={wheels})
            before = sorted(setup.folder.site.rglob("*"))
            said = refused(ops.install_engine, wheels="bad")
            assert "libcuda is missing" in said, said
            assert sorted(setup.folder.site.rglob("*")) == before
            said = refused(ops.install_engine, wheels="nowhere")
            assert "there is no folder nowhere" in said, said
        """)

    def test_an_existing_folder_is_used_and_kept(self, without_engine, tmp_path):
        without_engine("""
            ops.install_engine(wheels={wheels})
            elsewhere = HERE / "Programme" / "Lib" / "site-packages"
            elsewhere.parent.mkdir(parents=True)
            setup.folder.site.rename(elsewhere)
            setup.look_again()
            assert setup.why_no_engine()
            assert "there is no torch in" in refused(ops.use_engine_folder, directory=str(HERE))
            assert ops.use_engine_folder(directory=str(HERE / "Programme")) == {"FINISHED"}
            assert preferences.engine_folder == str(HERE / "Programme")
            assert sys.path[-1] == str(elsewhere)
            preferences.engine_folder = ""
            assert str(elsewhere) not in sys.path
        """)

    def test_an_engine_in_use_is_not_touched(self, without_engine):
        without_engine("""
            ops.install_engine(wheels={wheels})
            import torch
            for operator in (ops.install_engine, ops.repair_engine, ops.remove_engine):
                assert "restart Blender" in refused(operator)
        """)


def test_a_torch_that_is_there_is_used(in_blender_with_engine):
    in_blender_with_engine("""
        assert part("blender.setup").setup.why_no_engine() == ""
        said = refused(ops.install_engine)
        assert "Blender's Python finds torch" in said and "it is used" in said, said
        assert "torch" not in sys.modules
    """)
