"""Jobs while they run: pausing, stopping, the queue, previews, and whatever the user does meanwhile.

With an engine that paints, so that no test waits for torch.
"""


def test_stop_and_keep_is_a_finished_picture_that_says_so(in_blender, tmp_path):
    in_blender("""
        import json
        session = part("blender.session").session
        engine = painted(steps=2)
        settings(target="IMAGE", steps=900)
        task, = submit()
        until(lambda: task.progress is not None and task.progress.step == 2)
        assert ops.stop() == {"FINISHED"}
        engine.allow(1)
        until(lambda: not session.tasks)
        image = bpy.data.images[session.finished.image]
        assert json.loads(image["syncdiffusion"])["stopped_after"] == 3
        assert session.finished.message == "Stopped after step 3 of 900."
        assert "torch" not in sys.modules
    """)


def test_the_queue_can_be_seen_and_cleared(in_blender, tmp_path):
    in_blender("""
        session, status = part("blender.session").session, part("blender.status")
        engine = painted()
        settings(target="IMAGE")
        first, second, third, fourth = submit(1, 2, 3, 4)
        until(lambda: first.progress is not None)
        assert session.running is first and session.waiting == [second, third, fourth]
        assert session.queue.jobs == tuple(task.job for task in (first, second, third, fourth))
        assert (status.text(second), status.factor(second)) == ("Waiting", 0.0)
        ops.remove_from_queue(number=third.job.number)
        ops.remove_from_queue(number=first.job.number)  # it no longer waits
        until(lambda: session.waiting == [second, fourth])
        ops.clear_queue()
        until(lambda: session.tasks == [first])
        assert "Nothing is waiting" in refused(ops.clear_queue)
        engine.allow()
        until(lambda: not session.tasks)
        assert session.finished.image.endswith("0001")
    """)
    assert [path.name[-8:] for path in (tmp_path / "pictures").iterdir()] == ["0001.png"]


def test_pausing_and_free_vram_while_a_picture_is_made(in_blender):
    in_blender("""
        session, status = part("blender.session").session, part("blender.status")
        engine = painted(steps=1)
        settings(target="IMAGE", steps=3)
        assert "No model is loaded" in refused(ops.release_model)
        task, = submit()
        until(lambda: task.progress is not None and task.progress.step == 1)
        assert status.text(task) == "Sampling 1/3   2 s left", status.text(task)
        ops.pause()
        assert status.text(task) == "Paused"
        ops.release_model()
        until(lambda: engine.calls == ["park"])
        engine.allow()
        ops.pause()
        until(lambda: not session.tasks)
        assert engine.calls == ["park", "unpark"]
        ops.release_model()
        until(lambda: engine.calls[-1] == "release")
    """)


def test_a_render_pauses_the_picture_and_does_not_see_its_preview(in_blender):
    in_blender("""
        session, live = part("blender.session").session, part("blender.live_world")
        live.is_seen = lambda scene: True
        engine = painted(steps=1)
        scene = bpy.context.scene
        former = scene.world
        settings(steps=3)
        task, = submit()
        until(lambda: live.is_preview(scene.world))
        seen = []

        @bpy.app.handlers.persistent
        def look(*_):
            seen.append((scene.world, session.is_paused_for("render"), part("blender.status").text(task)))

        bpy.app.handlers.render_pre.append(look)
        scene.render.engine = "CYCLES"
        scene.cycles.samples, scene.cycles.device = 1, "CPU"
        scene.render.resolution_x = scene.render.resolution_y = 8
        part("blender.preferences").preferences().free_vram_on_render = True
        bpy.ops.render.render()
        assert seen == [(former, True, "Paused: Rendering")], seen
        assert not session.paused
        until(lambda: live.is_preview(scene.world))
        assert len([world for world in bpy.data.worlds if live.is_preview(world)]) == 1
        engine.allow()
        until(lambda: not session.tasks)
        assert scene.world["syncdiffusion_former"] == former
    """)


def test_a_preview_in_the_world_gets_into_no_file_and_goes_without_a_trace(in_blender):
    in_blender("""
        session, live = part("blender.session").session, part("blender.live_world")
        handlers = part("blender.handlers")
        live.is_seen = lambda scene: True
        engine = painted(steps=1)
        scene = bpy.context.scene
        former = scene.world
        former.mist_settings.start = 7.0
        state = (former.use_fake_user, former.users, len(bpy.data.worlds), len(bpy.data.images), former.name)
        settings(steps=3)
        task, = submit()
        until(lambda: live.is_preview(scene.world))
        assert scene.world.mist_settings.start == 7.0
        picture = scene.world.node_tree.nodes["SyncDiffusion Panorama"].image
        assert tuple(picture.size) == (256, 128)
        assert len(set(picture.pixels[:])) > 50

        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "saved.blend"))
        assert scene.world == former, "saving takes it off"
        until(lambda: live.is_preview(scene.world))
        copy = (HERE / "copy.blend")
        copy.write_bytes((HERE / "saved.blend").read_bytes())  # the file that is open cannot be looked into
        with bpy.data.libraries.load(str(copy)) as (source, _):
            assert source.worlds == [former.name] and "SyncDiffusion Preview" not in source.images

        ops.cancel()
        until(lambda: not session.tasks)
        assert scene.world == former
        assert state == (former.use_fake_user, former.users, len(bpy.data.worlds), len(bpy.data.images), former.name)

        # Auto Save asks nobody: a file that it writes holds the preview, and is put right when it is opened.
        task, = submit()
        engine.allow(1)
        until(lambda: live.is_preview(scene.world))
        bpy.app.handlers.save_pre.remove(handlers._before_save)
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "auto.blend"), copy=True)
        bpy.app.handlers.save_pre.append(handlers._before_save)
        ops.cancel()
        until(lambda: not session.tasks)
        bpy.ops.wm.open_mainfile(filepath=str(HERE / "auto.blend"))
        world = bpy.context.scene.world
        assert world.name == "World" and world.mist_settings.start == 7.0
        assert [w.name for w in bpy.data.worlds] == ["World"]
        assert not [i for i in bpy.data.images if i.name.startswith("SyncDiffusion")]
    """)


def test_undo_and_redo_while_a_preview_stands_in_the_world(in_blender):
    in_blender("""
        session, live = part("blender.session").session, part("blender.live_world")
        live.is_seen = lambda scene: True
        engine = painted(steps=1)
        former = bpy.context.scene.world.name
        settings(steps=3)
        bpy.ops.ed.undo_push(message="before")
        task, = submit()
        until(lambda: live.is_preview(bpy.context.scene.world))
        bpy.ops.mesh.primitive_cube_add()
        bpy.ops.ed.undo_push(message="cube")
        bpy.ops.mesh.primitive_cube_add()
        bpy.ops.ed.undo_push(message="cube")
        bpy.ops.ed.undo()
        assert bpy.context.scene.world.name == former, "a state with the preview is put right"
        until(lambda: live.is_preview(bpy.context.scene.world))
        bpy.ops.ed.redo()
        assert bpy.context.scene.world.name == former
        bpy.ops.ed.undo()
        bpy.ops.ed.undo()
        assert bpy.context.scene.world.name == former
        engine.allow()
        until(lambda: not session.tasks)
        assert session.failure is None, session.failure
        made = bpy.context.scene.world
        assert made.name == session.finished.image and made["syncdiffusion_former"].name == former
        bpy.ops.ed.undo_push(message="after")
        bpy.ops.ed.undo()
        assert bpy.context.scene.world.name == former
        bpy.ops.ed.redo()
        assert bpy.context.scene.world.name == session.finished.image
        assert [w.name for w in bpy.data.worlds if live.is_preview(w)] == []
    """)


def test_what_a_user_may_do_while_a_world_is_made(in_blender, tmp_path):
    """Delete the scene, delete its world, choose another world, load another file."""
    in_blender("""
        session, live = part("blender.session").session, part("blender.live_world")
        live.is_seen = lambda scene: True
        engine = painted()

        def begin():
            settings(steps=2)
            task, = submit()
            engine.allow(1)
            until(lambda: live.is_preview(bpy.context.scene.world))

        def end():
            engine.allow(1)
            until(lambda: not session.tasks)
            assert session.failure is None, session.failure.details
            assert [w for w in bpy.data.worlds if live.is_preview(w)] == []

        begin()
        other = bpy.data.worlds.new("Other")
        bpy.context.scene.world = other
        end()
        assert bpy.context.scene.world["syncdiffusion_former"] == other

        begin()
        bpy.data.worlds.remove(bpy.context.scene.world["syncdiffusion_stands_for"])
        end()
        assert bpy.context.scene.world.name == session.finished.image

        begin()
        doomed = bpy.context.scene
        bpy.data.scenes.new("Left")
        bpy.context.window_manager  # there is no window: the context takes another scene by itself
        bpy.data.scenes.remove(doomed)
        end()
        assert "Its scene is gone" in session.finished.message
        assert session.finished.image in bpy.data.images

        begin()
        bpy.ops.wm.read_homefile(use_empty=True)
        assert [w for w in bpy.data.worlds if live.is_preview(w)] == []
        end()
        assert "Another file is open now" in session.finished.message
    """)
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 4


def test_unregister_during_a_preview_puts_everything_back(in_blender, tmp_path):
    in_blender("""
        import threading
        live = part("blender.live_world")
        live.is_seen = lambda scene: True
        painted(steps=1)
        scene, former = bpy.context.scene, bpy.context.scene.world
        settings(steps=900)
        submit(1, 2)
        until(lambda: live.is_preview(scene.world))
        addon_utils.disable(MODULE)
        assert scene.world == former
        assert "syncdiffusion" not in [thread.name for thread in threading.enumerate()]
        assert not [h for h in bpy.app.handlers.save_pre if h.__module__.startswith(MODULE)]
        addon_utils.enable(MODULE)
        assert part("blender.session").session.tasks == []
    """)
    assert list((tmp_path / "pictures").iterdir()) == []


def test_a_failure_says_what_would_help_and_the_button_does_it(in_blender):
    in_blender("""
        session, errors = part("blender.session").session, part("core.errors")
        engine = painted()
        engine.error = errors.NotEnoughMemoryError("memory ran out (0.1 GB of 8.0 GB are free on the GPU); take less")
        settings(target="IMAGE")
        said = refused(ops.generate)
        assert session.failure.sentence == "Memory ran out (0.1 GB of 8.0 GB are free on the GPU)"
        assert session.failure.sentence in said
        assert session.failure.remedies == (errors.Remedy.LOW_MEMORY, errors.Remedy.CPU)
        assert "NotEnoughMemoryError" in session.failure.details
        engine.error = None
        engine.allow()
        assert ops.remedy(kind="low_memory") == {"FINISHED"}
        assert bpy.context.scene.syncdiffusion.low_memory
        assert session.failure is None and session.finished.image
        import json
        assert json.loads(bpy.data.images[session.finished.image]["syncdiffusion"])["decode"] == "tiles"

        engine.error = ZeroDivisionError("oops")
        refused(ops.generate)
        assert session.failure.sentence == "An unexpected error: ZeroDivisionError: oops"
        assert session.failure.remedies == ()
        ops.dismiss()
        assert session.failure is None
        ops.choose_model(filepath="/models/sd2/")
        assert bpy.context.scene.syncdiffusion.model == "/models/sd2"
        assert "there is no folder" in refused(ops.generate)
        assert errors.Remedy.OTHER_MODEL in session.failure.remedies
    """)


def test_what_only_a_window_can_show_rests_on_what_this_blender_has(in_blender):
    in_blender("""
        for kind, name in (
            ("Window", "modal_operators"), ("Screen", "is_animation_playing"), ("View3DShading", "use_scene_world"),
            ("View3DShading", "use_scene_world_render"), ("SpaceImageEditor", "mode"),
        ):
            assert name in getattr(bpy.types, kind).bl_rna.properties, (kind, name)
        for name in part("blender.handlers").HANDLERS:
            assert isinstance(getattr(bpy.app.handlers, name), list)
        for name in ("progress", "panel", "template_icon"):
            assert hasattr(bpy.types.UILayout, name) or name in bpy.types.UILayout.bl_rna.functions, name
        assert bpy.types.WorkSpace.status_text_set and bpy.app.is_job_running
        assert not bpy.app.is_job_running("RENDER")
        assert part("blender.live_world").why_not() == ""
    """)


def test_where_an_image_editor_shows_the_preview(in_blender):
    in_blender("""
        editor = part("blender.live_editor")
        left, bottom, width, height = editor.place((1000, 500), (200, 100), is_empty=True)
        assert (bottom, height, width) == (editor.MARGIN, 500 - 2 * editor.MARGIN, 2 * height)
        assert left == (1000 - width) / 2
        left, bottom, width, height = editor.place((1000, 500), (200, 100), is_empty=False)
        assert abs(height - editor.SHARE * (500 - 2 * editor.MARGIN)) < 1e-6 and bottom == editor.MARGIN
    """)


def test_an_error_in_a_tick_is_shown_and_the_pump_lives_on(in_blender):
    in_blender("""
        session, pump = part("blender.session").session, part("blender.pump")
        engine = painted()
        settings(target="IMAGE")
        submit()
        show, pump.preview.show = pump.preview.show, lambda *_: 1 / 0
        until(lambda: session.failure is not None)
        assert "ZeroDivisionError" in session.failure.details
        pump.preview.show = show
        engine.allow()
        until(lambda: not session.tasks)
        assert session.finished.image in bpy.data.images

        pump.deliver = lambda *_: 1 / 0
        said = refused(ops.generate)
        assert f"could not be loaded or applied; it is in {session.finished.path}" in said
        assert session.finished.path.is_file() and "ZeroDivisionError" in session.failure.details
    """)


def test_the_model_and_the_estimate_are_ready_before_generate_is_pressed(in_blender):
    in_blender("""
        import time
        session, idle = part("blender.session").session, part("blender.idle")
        engine = painted()
        part("blender.folders").runs().unlink(missing_ok=True)
        chosen = settings(target="IMAGE", steps=4)
        idle.update()
        assert session.queue._thread is None, "nobody looks at the panel"
        session.panel_drawn = time.monotonic()
        until(lambda: session.estimate and engine.calls)
        assert (idle.upcoming().width, idle.upcoming().height) == (128, 64)
        assert engine.calls == ["load"]
        assert idle.upcoming().steps == 4
        chosen.steps = 5
        assert idle.upcoming() is None, "what was found is not of these settings"
        session.panel_drawn = time.monotonic()
        until(lambda: idle.upcoming())
        assert idle.upcoming().steps == 5
        assert session.estimate == "Time and memory are known after the first picture"
        engine.allow()
        ops.generate()
        assert session.finished
        session.panel_drawn = time.monotonic()
        until(lambda: session.estimate.startswith("About 1 s"))
        assert engine.calls == ["load"], "the same model is not loaded again"
        chosen.model = "nowhere"
        session.panel_drawn = time.monotonic()
        until(lambda: session.estimate == "")
    """)


def test_a_second_blender_that_took_the_name_loses_nothing(in_blender, tmp_path):
    in_blender("""
        session = part("blender.session").session
        engine = painted()
        settings()
        task, = submit(417)
        until(lambda: task.progress is not None)
        first = task.path
        first.write_text("of another Blender")
        engine.allow()
        until(lambda: not session.tasks)
        done = session.finished
        assert first.read_text() == "of another Blender"
        assert done.path == first.with_name(first.stem + " 2.png") and done.image == first.stem + " 2"
        assert Path(bpy.path.abspath(bpy.data.images[done.image].filepath)) == done.path
        assert bpy.context.scene.world.node_tree.nodes["SyncDiffusion Panorama"].image.name == done.image
    """)
    assert len(list((tmp_path / "pictures").iterdir())) == 2
