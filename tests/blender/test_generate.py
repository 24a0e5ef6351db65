"""Generate in a background Blender: it runs to the end and leaves what the window would leave."""

import json

import numpy as np
from PIL import Image


def test_a_picture_is_a_file_and_a_data_block_with_its_request(in_blender_with_engine, tmp_path):
    in_blender_with_engine("""
        settings(target="IMAGE")
        assert ops.generate() == {"FINISHED"}
        image = bpy.data.images["SyncD misty-pine-forest-dawn 0417"]
        assert tuple(image.size) == (128, 64)
        assert image.use_fake_user and image.packed_file is None
        Path("request.json").write_text(image["syncdiffusion"])
        assert Path(image.filepath) == HERE / "pictures" / "SyncD misty-pine-forest-dawn 0417.png"
        import numpy as np
        np.save("pixels.npy", np.array(image.pixels[:]))
    """)
    request = json.loads((tmp_path / "request.json").read_text())
    assert (request["seed"], request["prompt"], request["target"]) == (417, "misty pine forest, dawn", "strip")
    with Image.open(tmp_path / "pictures" / "SyncD misty-pine-forest-dawn 0417.png") as picture:
        expected = np.asarray(picture)[::-1] / 255
        assert json.loads(picture.text["syncdiffusion"]) == request
    found = np.load(tmp_path / "pixels.npy").reshape(64, 128, 4)[..., :3]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_nothing_is_overwritten_and_variations_have_successive_seeds(in_blender, tmp_path):
    in_blender("""
        settings(target="IMAGE", variations=2)
        ops.generate()
        ops.generate()
        import json
        made = [json.loads(image["syncdiffusion"]) for image in bpy.data.images if "syncdiffusion" in image]
        seeds = sorted(request["seed"] for request in made)
        assert seeds == [417, 417, 418, 418], seeds
    """)
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    stem = "SyncD misty-pine-forest-dawn"
    assert names == [f"{stem} 0417 2.png", f"{stem} 0417.png", f"{stem} 0418 2.png", f"{stem} 0418.png"]


def test_beside_a_saved_file_pictures_are_relative(in_blender, tmp_path):
    in_blender("""
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "scene.blend"))
        settings(target="IMAGE")
        ops.generate()
        image = bpy.data.images["SyncD misty-pine-forest-dawn 0417"]
        assert image.filepath.replace(os.sep, "/") == "//textures/SyncD misty-pine-forest-dawn 0417.png", image.filepath
    """)
    assert (tmp_path / "textures" / "SyncD misty-pine-forest-dawn 0417.png").is_file()


def test_what_is_missing_is_said_before_anything_is_done(in_blender, tmp_path):
    in_blender("""
        settings(prompt=" ")
        assert "The prompt is empty" in refused(ops.generate)
        settings(target="MATERIAL")
        bpy.ops.object.select_all(action="DESELECT")
        assert "No object is selected" in refused(ops.generate)
        settings(target="IMAGE", model="nowhere")
        said = refused(ops.generate)
        assert "there is no folder or file 'nowhere'" in said, said
        assert not part("blender.session").session.tasks
        assert [i for i in bpy.data.images if "syncdiffusion" in i] == []
    """)
    assert list((tmp_path / "pictures").glob("*")) == []


def test_all_variations_are_queued_or_none(in_blender, tmp_path):
    in_blender("""
        submitting = part("blender.submit")
        session = part("blender.session").session
        calls = []

        class FullAtTheSecond(submitting.Outputs):
            def check_space(self, pixels):
                calls.append(self.output.stem[-4:])
                if len(calls) == 2:
                    raise OSError("no room")

        submitting.Outputs = FullAtTheSecond
        settings(steps=900, variations=3)
        assert "no room" in refused(ops.generate)
        assert calls == ["0417", "0418"]
        assert session.tasks == [] and session.queue.jobs == ()
        assert session.finished is None and session.failure.sentence == "No room"
    """)
    assert list((tmp_path / "pictures").iterdir()) == []


def test_an_engine_that_is_missing_is_named(in_blender):
    in_blender("""
        part("blender.setup").setup.why_no_engine = lambda: "The engine is not installed: there is no torch"
        settings()
        said = refused(ops.generate)
        assert "The engine is not installed: there is no torch" in said, said
    """)


def test_a_failure_in_the_worker_is_told_and_changes_nothing(in_blender_with_engine, tmp_path):
    in_blender_with_engine("""
        import shutil
        broken = shutil.copytree(sys.argv[2], HERE / "broken")
        weights = broken / "unet" / "diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1000] + bytes(1000))
        (broken / "unet" / "config.json").write_text(
            (broken / "unet" / "config.json").read_text().replace('"norm_num_groups": 8', '"norm_num_groups": 7'))
        world = bpy.context.scene.world
        settings(model=str(broken))
        said = refused(ops.generate)
        session = part("blender.session").session
        assert session.failure.sentence in said, said
        assert "cannot be loaded" in said
        assert bpy.context.scene.world == world
        assert [i for i in bpy.data.images if "syncdiffusion" in i] == []
        settings()
        assert ops.generate() == {"FINISHED"}
        assert session.failure is None
    """)


def test_cancel_puts_nothing_anywhere(in_blender, tmp_path):
    in_blender("""
        session, pump = part("blender.session").session, part("blender.pump")
        world = bpy.context.scene.world
        painted(steps=1)
        settings(steps=900, variations=2)
        submit(1, 2)
        until(lambda: session.tasks[0].progress is not None and session.tasks[0].progress.step == 1)
        assert ops.cancel() == {"FINISHED"}
        assert len([task for task in session.tasks if task.job.cancelled]) == 1
        assert ops.cancel(everything=True) == {"FINISHED"}
        pump.run_to_end()
        assert (session.finished, session.failure) == (None, None)
        assert bpy.context.scene.world == world
        assert "Nothing is running" in refused(ops.cancel)
    """)
    assert list((tmp_path / "pictures").iterdir()) == []


def test_disabling_while_a_job_runs(in_blender, tmp_path):
    in_blender("""
        session = part("blender.session").session
        painted()
        settings(steps=900)
        submit(1)
        addon_utils.disable(MODULE)
        assert session.tasks == []
        import threading
        assert "syncdiffusion" not in [thread.name for thread in threading.enumerate()]
    """)
    assert list((tmp_path / "pictures").iterdir()) == []


def test_a_picture_is_not_applied_to_another_file(in_blender, tmp_path):
    in_blender("""
        session, pump = part("blender.session").session, part("blender.pump")
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "first.blend"))
        settings()
        submit(417)
        bpy.ops.wm.read_homefile(use_empty=True)
        world = bpy.context.scene.world
        pump.run_to_end()
        assert "Another file is open now" in session.finished.message
        assert bpy.context.scene.world == world
        assert session.finished.image == "" and str(session.finished.path) in session.finished.message
        assert [image for image in bpy.data.images if "syncdiffusion" in image] == []
    """)
    assert len(list((tmp_path / "textures").glob("*.png"))) == 1


def test_saving_while_a_job_runs_changes_nothing_for_it(in_blender, tmp_path):
    in_blender("""
        session, pump = part("blender.session").session, part("blender.pump")
        settings()
        submit(417)
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "first.blend"))
        pump.run_to_end()
        assert session.finished.message == ""
        assert bpy.context.scene.world.name == session.finished.image
        assert bpy.data.images[session.finished.image].filepath.startswith("//pictures")
    """)


def test_recall_brings_every_setting_back(in_blender):
    in_blender("""
        chosen = settings(target="IMAGE", negative_prompt="people", guidance_scale=5.0, scheduler="euler")
        ops.generate()
        names = ("prompt", "negative_prompt", "target", "preset", "steps", "guidance_scale", "seed", "scheduler")
        kept = {name: getattr(chosen, name) for name in (*names, "width")}
        settings(prompt="x", negative_prompt="", target="WORLD", preset="DRAFT", steps=9, seed=1, width=0)
        chosen.model = "builtin"
        assert ops.recall_settings() == {"FINISHED"}
        for name, value in kept.items():
            assert getattr(chosen, name) == value, (name, value, getattr(chosen, name))
        assert 'There is no generated image "gone"' in refused(ops.recall_settings, image="gone")
    """)


def test_save_image_copies_the_picture(in_blender, tmp_path):
    in_blender("""
        assert "Nothing has been generated yet" in refused(ops.save_image, filepath=str(HERE / "copy.png"))
        settings(target="IMAGE")
        ops.generate()
        ops.save_image(filepath=str(HERE / "copy.png"))
        image = bpy.data.images["SyncD misty-pine-forest-dawn 0417"]
        image.pack()
        ops.save_image(filepath=str(HERE / "packed.png"))
        assert "could not be saved" in refused(ops.save_image, filepath=str(HERE / "nowhere" / "copy.png"))
    """)
    original = (tmp_path / "pictures" / "SyncD misty-pine-forest-dawn 0417.png").read_bytes()
    assert (tmp_path / "copy.png").read_bytes() == (tmp_path / "packed.png").read_bytes() == original
