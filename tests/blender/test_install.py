"""Installing, enabling, disabling; the command line from Blender's Python."""


def test_enabling_imports_no_engine_and_disabling_leaves_nothing(in_blender):
    in_blender("""
        module = sys.modules[MODULE]
        for name in ("torch", "diffusers", "transformers"):
            assert name not in sys.modules, f"enabling imports {name}"
        assert len(module._commands) == 1
        addon_utils.disable(MODULE)
        assert module._commands == []
        assert not hasattr(bpy.types.Scene, "syncdiffusion")
        assert not [name for name in dir(bpy.types) if name.startswith("SYNCDIFFUSION_")]
        addon_utils.enable(MODULE)
        assert settings().prompt == "misty pine forest, dawn"
    """)


def test_enabled_for_one_run_it_has_preferences_and_leaves_none(in_blender):
    """As ``blender --addons`` does it: without an entry in the preferences."""
    in_blender("""
        addons = bpy.context.preferences.addons
        addon_utils.disable(MODULE, default_set=True)
        assert MODULE not in addons
        assert addon_utils.enable(MODULE) is not None
        assert part("blender.preferences").preferences().packing == "APPLIED"
        addon_utils.disable(MODULE)
        assert MODULE not in addons
    """)


def test_a_bad_request_on_the_command_line_is_refused_without_torch(in_blender):
    printed = in_blender("""
        main = part("cli.main").main
        assert main(["generate", "--steps", "0", "-o", "p.png"]) == 2
        assert "torch" not in sys.modules, "a bad request imports torch"
    """)
    assert "prompt: is missing" in printed
    assert "steps: 0 is out of range" in printed


def test_the_command_line_generates(in_blender_with_engine, tmp_path):
    in_blender_with_engine("""
        main = part("cli.main").main
        assert main(["generate", "--prompt", "a lake", "--model", sys.argv[2], "--method", "multidiffusion",
                     "--steps", "2", "--width", "128", "-o", "p.png"]) == 0
    """)
    assert (tmp_path / "p.png").is_file()


def test_panels_draw_nothing_but_what_is_there(in_blender):
    """Every panel is registered, and its operators and properties exist; drawing itself needs a window."""
    in_blender("""
        import inspect, re
        panels = [part("panels.main"), part("panels.parts"), part("panels.subpanels")]
        source = "".join(inspect.getsource(module) for module in panels)
        for name in set(re.findall(r'operator\\("syncdiffusion\\.(\\w+)"', source)):
            assert getattr(ops, name).get_rna_type(), name
        names = part("blender.settings").SyncDiffusionSettings.bl_rna.properties.keys()
        for name in set(re.findall(r'prop\\(settings, "(\\w+)"', source)):
            assert name in names, name
        for cls in part("panels").CLASSES:
            assert cls.is_registered
    """)
