"""``--command syncdiffusion generate ... --save FILE.blend``, from Blender's Python."""


def test_save_leaves_what_the_window_would_leave(in_blender_with_engine, tmp_path):
    in_blender_with_engine("""
        run = part("blender.command").run
        scene = bpy.context.scene
        scene.world.mist_settings.start = 7.0
        assert run(["generate", "--prompt", "misty pine forest", "--target", "world", "--world-size", "256",
                    "--model", sys.argv[2], "--method", "multidiffusion", "--steps", "2", "--seed", "7",
                    "--quiet", "--save", str(HERE / "out.blend")]) == 0
        bpy.ops.wm.open_mainfile(filepath=str(HERE / "out.blend"))
        scene = bpy.context.scene
        image = scene.world.node_tree.nodes["SyncDiffusion Panorama"].image
        assert image.name == "SyncD misty-pine-forest 0007" and image.packed_file is not None
        assert image.filepath.replace(os.sep, "/") == "//textures/SyncD misty-pine-forest 0007.png", image.filepath
        assert scene.world.mist_settings.start == 7.0
        assert scene.world["syncdiffusion_former"].name == "World"
        settings = scene.syncdiffusion
        assert (settings.prompt, settings.target, settings.seed) == ("misty pine forest", "WORLD", 7)
        assert settings.model == sys.argv[2]
    """)
    assert (tmp_path / "textures" / "SyncD misty-pine-forest 0007.png").is_file()


def test_problems_with_save_are_told_with_the_others(in_blender, tmp_path):
    printed = in_blender("""
        run = part("blender.command").run
        assert run(["generate", "--save", "x.png", "--steps", "0"]) == 2
        assert run(["generate", "--prompt", "a lake", "--save"]) == 2
        assert run(["generate", "--prompt", "a lake", "--save", str(HERE / "gone" / "x.blend")]) == 2
        assert "torch" not in sys.modules
    """)
    assert "save: 'x.png' does not end in .blend" in printed
    assert "steps: 0 is out of range" in printed
    assert "save: is given without a value" in printed
    assert "gone'; make it, or name another" in printed
    assert not (tmp_path / "unused.png").exists()
