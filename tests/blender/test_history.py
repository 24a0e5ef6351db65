"""The history of a file, its storage, presets, references and assets."""


def test_history_is_kept_found_reused_and_deleted(in_blender):
    in_blender("""
        history = part("blender.history")
        first, second = picture(), picture("SyncD test 0418", seed=418)
        first["syncdiffusion_made"], second["syncdiffusion_made"] = 1.0, 2.0
        assert history.newest(5) == [second, first] and history.newest(1) == [second]
        chosen = settings()
        ops.select_picture(image=second.name)
        assert history.active(chosen) == second
        bpy.data.images.new("A new one before the others", 4, 4)
        assert history.active(chosen) == second and bpy.data.images[chosen.history_index] == second
        listing = part("panels.history").SYNCDIFFUSION_UL_history
        from types import SimpleNamespace
        shown, places = listing.filter_items(
            SimpleNamespace(bitflag_filter_item=1, filter_name="0418"), bpy.context, bpy.data, "images")
        assert [image.name for image, flag in zip(bpy.data.images, shown) if flag] == [second.name]
        assert places[bpy.data.images.find(second.name)] == 0  # the newest first
        chosen.use_random_seed = True
        ops.reuse_seed(image=second.name)
        assert (chosen.seed, chosen.use_random_seed) == (418, False)
        bpy.ops.wm.read_homefile(use_empty=True)
        assert history.newest(5) == []
        (HERE / "pictures" / "someone elses.png").write_bytes(b"no picture")
        ops.find_pictures()
        assert sorted(map(history.seed_of, history.newest(5))) == [417, 418]
        ops.find_pictures()
        assert len(history.newest(5)) == 2
        ops.delete_image(image="SyncD test 0417")
        assert (HERE / "pictures" / "SyncD test 0417.png").exists() and len(history.newest(5)) == 1
        ops.delete_image(image="SyncD test 0418", delete_file=True)
        assert not (HERE / "pictures" / "SyncD test 0418.png").exists() and history.newest(5) == []
        assert "Nothing has been generated yet" in refused(ops.delete_image)
    """)


def test_move_to_project_survives_undo_and_overwrites_nothing(in_blender):
    in_blender("""
        image, packed, lost = picture(), picture("packed"), picture("lost")
        ops.apply_world(image=packed.name)
        Path(packed.filepath).unlink()
        Path(lost.filepath).unlink()
        assert "Save the file first" in refused(ops.move_to_project)
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "project" / "scene.blend")) if (
            (HERE / "project").mkdir() is None) else None
        textures = HERE / "project" / "textures"
        textures.mkdir()
        (textures / "SyncD test 0417.png").write_text("mine")
        bpy.ops.ed.undo_push(message="before")
        ops.move_to_project()
        bpy.ops.ed.undo_push(message="after")
        names = {path.name for path in textures.iterdir()}
        assert names == {"SyncD test 0417.png", "SyncD test 0417 2.png", "packed.png"}, names
        assert (textures / "SyncD test 0417.png").read_text() == "mine"
        assert bpy.data.images["SyncD test 0417"].filepath == "//textures/SyncD test 0417 2.png"
        assert not (HERE / "pictures" / "SyncD test 0417.png").exists()
        bpy.ops.ed.undo()
        shown = bpy.data.images["packed"].filepath
        assert shown == "//textures/packed.png", shown
    """)


def test_presets_keep_the_way_but_not_the_prompt_or_the_seed(in_blender):
    in_blender("""
        chosen = settings(prompt="one", preset="DRAFT", mapping="UV", bump_strength=0.75, world_size=8192, seed=5)
        lora = chosen.loras.add()
        lora.path, lora.weight = "/somewhere/fog.safetensors", 0.5
        assert ops.add_preset(name="Mine") == {"FINISHED"}
        chosen.loras.clear()
        settings(prompt="two", preset="PAPER", mapping="BOX", bump_strength=0.0, world_size=2048, seed=6)
        folder = Path(bpy.utils.preset_paths("syncdiffusion")[0])
        bpy.ops.script.execute_preset(filepath=str(folder / "Mine.py"), menu_idname="SYNCDIFFUSION_MT_presets")
        found = (chosen.preset, chosen.mapping, chosen.bump_strength, chosen.world_size, chosen.prompt, chosen.seed)
        assert found == ("DRAFT", "UV", 0.75, 8192, "two", 6), found
        assert [(lora.path, lora.weight) for lora in chosen.loras] == [("/somewhere/fog.safetensors", 0.5)]
        values = part("operators.preset").VALUES
        ours = set(chosen.bl_rna.properties.keys()) - {"rna_type", "name"}
        personal = {"prompt", "seed", "use_random_seed", "regions", "anchor_image", "init_image", "world_menu",
                    "strip_menu", "tile_menu", "history_index", "history_picture",
                    "history_view"}
        assert ours - set(values) <= personal, ours - set(values) - personal
        ops.add_preset(name="Mine", remove_active=True)
    """)


def test_sizes_prompts_and_qualities(in_blender):
    in_blender("""
        chosen = settings(preset="DRAFT", coherence=1.0, model="builtin")
        chosen.world_menu = "8192"
        assert chosen.world_size == 8192
        chosen.world_size = 600
        assert chosen.world_menu == "CUSTOM"
        chosen.strip_menu = "2048x512"
        assert (chosen.width, chosen.height, chosen.tile_menu) == (2048, 512, "CUSTOM")
        chosen.width = 0
        chosen.height = 0
        assert chosen.strip_menu == chosen.tile_menu == "0x0"
        chosen.strip_menu = "CUSTOM"
        assert chosen.strip_menu == "CUSTOM" and chosen.width == 0

        presets = part("core.request.presets")
        w = 2 * presets.PRESETS["draft"]["sync_weight"] * presets.WEIGHT_RATIOS["builtin"]
        ops.customize()
        assert (chosen.preset, chosen.steps, chosen.scheduler) == ("CUSTOM", 10, "dpmpp-2m")
        assert abs(chosen.sync_weight - w) < 1e-3

        ops.edit_prompt()
        text = bpy.data.texts["SyncDiffusion Prompt"]
        assert text.as_string() == "misty pine forest, dawn"
        text.from_string("a lake,\\n  at night\\n")
        assert part("blender.prompts").read_back() and chosen.prompt == "a lake, at night"
        chosen.prompt = "typed in the panel since"
        assert part("blender.prompts").read_back() and chosen.prompt == "typed in the panel since"
        bpy.data.texts.remove(text)
        assert not part("blender.prompts").read_back()

        camera = part("blender.camera")
        scene = bpy.context.scene
        assert camera.background(scene, 4096) == "Background: 451 of 1920 px at Camera"
        scene.camera.data.type = "PANO"
        assert camera.background(scene, 4096) == "Background: all 4096 px at Camera"
        scene.camera = None
        assert camera.background(scene, 4096) == ""
    """)


def test_an_anchor_image_is_a_file_to_the_engine_and_comes_back(in_blender):
    in_blender("""
        import json
        references = part("blender.references")
        image = picture()
        chosen = settings(anchor="IMAGE", target="IMAGE")
        assert "anchor: is empty" in refused(ops.generate)
        chosen.anchor_image = image
        assert Path(references.anchor_of(chosen)) == HERE / "pictures" / "SyncD test 0417.png"
        image.pack()
        Path(image.filepath).unlink()
        copy = Path(references.anchor_of(chosen))
        assert copy.read_bytes() == bytes(image.packed_file.data)
        painted = chosen.anchor_image = bpy.data.images.new("painted", 64, 64)
        painted.pixels = (1.0, 0.5, 0.0, 1.0) * 64 * 64
        first = Path(references.anchor_of(chosen))
        painted.pixels = (0.0, 0.5, 0.0, 1.0) * 64 * 64
        second = Path(references.anchor_of(chosen))
        from PIL import Image
        assert [Image.open(file).getpixel((0, 0)) for file in (first, second)] == [(255, 128, 0), (0, 128, 0)]
        chosen.anchor_image = bpy.data.images.new("float", 8, 8, float_buffer=True)
        chosen.anchor_image.pixels = (0.2140, 4.0, 0.0, 1.0) * 8 * 8  # linear
        assert Image.open(references.anchor_of(chosen)).getpixel((0, 0)) == (127, 255, 0)
        known = part("core.files.known").KnownFiles()
        request = {"anchor": copy.name, "files": {"anchor": {"name": copy.name, "sha256": known.sha256(copy)}}}
        settings(anchor="CENTER")
        assert references.recall_references(chosen, request) == []
        assert chosen.anchor == "IMAGE" and Path(bpy.path.abspath(chosen.anchor_image.filepath)) == copy
        copy.unlink()
        assert references.recall_references(chosen, request) == [copy.name] and chosen.anchor == "CENTER"
        assert references.recall_references(chosen, {"anchor": "3", "files": {}}) == []
        assert references.reference_settings(chosen) == {"anchor": "3"}
        settings(anchor="CENTER", init_mode="REFINE", init_image=painted, strength=0.25)
        given = references.reference_settings(chosen)
        assert (given["init_mode"], given["strength"]) == ("refine", 0.25) and Path(given["init_image"]).is_file()
        file = {"name": "p.png", "sha256": known.sha256(Path(given["init_image"]))}
        settings(init_mode="NOISE")
        again = {"anchor": "center", "init_mode": "grow", "strength": None, "files": {"init_image": file}}
        assert references.recall_references(chosen, again) == []
        assert chosen.init_mode == "GROW" and chosen.init_image is not None and chosen.strength == 0.25
    """)


def test_worlds_and_materials_become_assets(in_blender):
    in_blender("""
        image = picture()
        bpy.ops.mesh.primitive_cube_add()
        assert "was not made here" in refused(ops.mark_asset, kind="WORLD")
        ops.apply_world(image=image.name)
        ops.apply_material(image=image.name)
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "assets.blend"))
        things = {"WORLD": bpy.context.scene.world, "MATERIAL": bpy.context.object.active_material}
        for kind, thing in things.items():
            for _ in range(2):
                assert ops.mark_asset(kind=kind) == {"FINISHED"}
            assert tuple(thing.preview.image_size) == (256, 128)
            assert max(thing.preview.image_pixels_float) == 1.0
        catalogs = (HERE / "blender_assets.cats.txt").read_text().splitlines()
        assert catalogs[0] == "VERSION 1" and len(catalogs) == 3
        for kind, thing in things.items():
            line = next(line for line in catalogs if line.startswith(thing.asset_data.catalog_id))
            assert line.split(":")[1] == {"WORLD": "SyncDiffusion/Worlds", "MATERIAL": "SyncDiffusion/Materials"}[kind]
    """)


def test_devices_are_named_with_their_memory(in_blender):
    in_blender("""
        preferences = part("blender.preferences")
        chosen = preferences.preferences()

        def labels():
            return {entry[0]: entry[1] for entry in preferences._device_items(chosen, bpy.context)}

        assert labels()["cuda"] == "NVIDIA GPU" and chosen.device == "auto"
        chosen.device = "cpu"
        chosen.devices_found = '[["cuda:0", "Card A", 8589934592], ["cuda:1", "Card B", 25769803776]]'
        assert labels()["cuda:1"] == "Card B (24 GB)" and chosen.device == "cpu"
        chosen.device = "cuda:1"
        assert chosen.device == "cuda:1"
    """)


def test_the_engine_is_asked_for_devices(in_blender_with_engine):
    in_blender_with_engine("""
        assert ops.find_devices() == {"FINISHED"}
        preferences = part("blender.preferences")
        labels = [entry[1] for entry in preferences._device_items(preferences.preferences(), bpy.context)]
        assert any(label.startswith("CPU (") and label.endswith(" GB)") for label in labels), labels
    """)
