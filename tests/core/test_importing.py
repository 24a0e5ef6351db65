"""Importing the engine: what would hold other threads for long is not done while they wait."""

import subprocess
import sys
import textwrap

import pytest


def in_child(code):
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_no_collection_goes_through_what_the_imports_make():
    assert in_child("""
        import gc
        from syncdiffusion.core.importing import import_engine
        full = []
        gc.callbacks.append(lambda phase, info: full.append(info["generation"]))
        engine = import_engine()
        print(engine.__name__, len(full), gc.isenabled())
    """) == ["syncdiffusion.core.engine", "0", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="what is loaded is read from /proc")
def test_torchs_libraries_are_loaded_without_python():
    assert in_child("""
        import sys
        from pathlib import Path
        from syncdiffusion.core.importing import _load_torch_libraries
        _load_torch_libraries()
        print("torch" in sys.modules, "libtorch_cpu" in Path("/proc/self/maps").read_text())
    """) == ["False", "True"]
