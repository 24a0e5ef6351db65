"""The lists among the settings, in Blender: filled, saved, told to the engine, recalled."""


def test_directions_and_additions_reach_the_engine_and_come_back(in_blender):
    in_blender("""
        requests, lists, known = part("blender.requests"), part("blender.lists"), part("core.files.known")
        chosen = settings(target="WORLD")
        for text in ("a castle", "a lake"):
            ops.add_entry(entries="regions")
            chosen.regions[-1].prompt = text
        ops.add_entry(entries="regions")  # left empty
        assert [region.azimuth for region in chosen.regions] == [0, 90, 180]
        (HERE / "style.safetensors").write_bytes(b"1")
        bpy.ops.wm.save_as_mainfile(filepath=str(HERE / "scene.blend"))
        ops.add_entry(entries="loras")
        chosen.loras[0].path, chosen.loras[0].weight = "//style.safetensors", 0.8
        assert chosen.loras[0].path == str(HERE / "style.safetensors")
        told = requests.list_settings(chosen)
        assert told == {"region": ["0:a castle", "90:a lake"], "lora": [f"{HERE / 'style.safetensors'}:0.8"]}
        chosen.target = "IMAGE"
        assert requests.list_settings(chosen)["region"] == ["50:a castle", "50:a lake"]

        chosen.target = "WORLD"
        bpy.ops.wm.save_mainfile()
        bpy.ops.wm.open_mainfile(filepath=str(HERE / "scene.blend"))
        chosen = bpy.context.scene.syncdiffusion
        assert requests.list_settings(chosen) == told
        sha256 = known.KnownFiles().sha256(HERE / "style.safetensors")
        file = {"name": "style.safetensors", "sha256": sha256}
        request = {"target": "world", "region": ["-90:a city"], "lora": ["style.safetensors:0.5"], "files": {
            "lora": [file], "vae": {"name": "gone", "sha256": "0"}}}
        assert lists.recall_lists(chosen, request) == ["gone"]
        assert requests.list_settings(chosen) == {
            "region": ["-90:a city"], "lora": [f"{HERE / 'style.safetensors'}:0.5"]}
        ops.remove_entry(entries="regions", index=0)
        assert len(chosen.regions) == 0
        assert "there is no entry 0" in refused(ops.remove_entry, entries="regions", index=0)
    """)
