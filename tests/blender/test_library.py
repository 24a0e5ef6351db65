"""Models in Blender: listed, chosen, downloaded with leave; and nothing is downloaded on the way to a picture."""


def test_the_list_and_choosing(in_blender):
    in_blender("""
        library = part("blender.library").library
        assert library.entries is None
        ops.list_models()
        assert [entry.place.name for entry in library.entries][:2] == ["BUILTIN", "OFFERED"]
        ops.add_model(filepath=sys.argv[2])
        ops.add_model(filepath=sys.argv[2] + "/")
        (added,) = (entry for entry in library.entries if entry.place.name == "ADDED")
        assert (added.name, added.problem) == (sys.argv[2], "")
        assert settings(model="builtin").model == "builtin"
        ops.use_model(model=added.name)
        assert bpy.context.scene.syncdiffusion.model == sys.argv[2]
        ops.forget_model(model=added.name)
        assert not [entry for entry in library.entries if entry.place.name == "ADDED"]
    """)


def test_what_is_missing_is_said_and_offered(in_blender):
    in_blender("""
        needed_by = part("blender.library").needed_by
        errors, session = part("core.errors"), part("blender.session").session
        bpy.context.preferences.system.use_online_access = True
        chosen = settings(model="owner/name", preset="BALANCED")
        said = refused(ops.generate)
        assert "'owner/name'" in said and "download it first" in said, said
        assert errors.Remedy.DOWNLOAD in session.failure.remedies
        assert needed_by(chosen) == "owner/name"
        chosen = settings(preset="BALANCED", sync_weight=20.0)
        said = refused(ops.generate)
        assert "lpips-vgg needs vgg16-397923af.pth (528 MB)" in said, said
        assert needed_by(chosen) == "lpips-vgg"
        assert needed_by(settings(model="builtin", preset="BALANCED")) == ""
    """)


def test_downloading_asks_for_leave(in_blender):
    in_blender("""
        bpy.context.preferences.system.use_online_access = False
        said = refused(ops.download_model, model="owner/name")
        assert "online access is off" in said, said
        bpy.context.preferences.system.use_online_access = True
        said = refused(ops.download_model, model="what is this")
        assert "is neither a hub id" in said, said
        os.environ["HF_ENDPOINT"] = "http://127.0.0.1:1"
        os.environ["HF_HUB_OFFLINE"] = "0"
        said = refused(ops.download_model, model="owner/name")
        assert "could not be downloaded" in said, said
    """)


def test_the_system_report(in_blender):
    in_blender("""
        session = part("blender.session")
        session.session.failure = session.Failure("The disk is full", "Traceback of it")
        texts = []
        library = part("operators.library")
        library.system_report = lambda *given, **named: texts.append(report(*given, **named)) or texts[-1]
        from importlib import import_module
        report = part("core.system_report").system_report
        assert ops.copy_report() == {"FINISHED"}
        (text,) = texts
        for word in ("SyncDiffusion ", "Blender " + bpy.app.version_string, "Python 3.", "Graphics ", "Memory ",
                     "Engine ", "numpy ", "Folder for pictures", "Folder for the engine", "The disk is full",
                     "Traceback of it"):
            assert word in text, (word, text)
    """)


def test_an_entry_of_the_list_says_what_it_takes_of_the_card_that_is_there(in_blender):
    in_blender("""
        library, models = part("panels.library"), part("core.models.library")
        machine = part("core.engine_setup.machine")
        card = machine.Gpu("RTX 3060", 580.0, 8.6, 12 << 30)
        part("blender.setup").setup.machine = machine.Machine("linux", "x86_64", nvidia=(card,))
        suggested, *_, largest = models.OFFERS
        place, memory = library._facts(suggested)
        assert place == "can be downloaded, 2.6 GB, windows of 512 px, CreativeML Open RAIL++-M", place
        assert memory == "memory: about 7 GB if exact, 12 GB at hand", memory
        _, memory = library._facts(largest)
        assert memory.startswith("memory: about 31 GB if exact, 12 GB at hand; to fit: "), memory
        builtin = models.list_models()[0]
        (place,) = library._facts(builtin)
        assert place == f"built in, {builtin.bytes / 1e6:.0f} MB, windows of 256 px, GPL-3.0-or-later", place
    """)
