"""What needs a process of its own: exit status, what is imported, Ctrl-C."""

import signal
import subprocess
import sys

import pytest

from syncdiffusion.cli.main import main

REQUEST = ["generate", "--prompt", "a lake", "-o", "out.png", "--model", "../m"]


def test_a_bad_request_is_refused_before_torch_is_imported(here):
    command = [sys.executable, "-X", "importtime", "-m", "syncdiffusion", *REQUEST, "--width", "250", "--seed", "x"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    lines = ended.stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert [line for line in lines if not line.startswith("import time:")] == [
        "seed: 'x' is not a whole number; use 0 to 2147483647",
        "width: 250 is not a multiple of 8; 248 or 256 would be",
    ]
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "syncdiffusion.core.request.validation" in imported
    assert not imported & {"torch", "numpy", "diffusers", "transformers", "PIL", "huggingface_hub"}


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process on Windows")
def test_ctrl_c_leaves_no_file(here):
    options = ["--steps", "20", "--method", "multidiffusion", "--report", "r.json", "--trace", "t.npz"]
    command = [sys.executable, "-m", "syncdiffusion", *REQUEST, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = [next(process.stderr) for _ in range(3)]  # two steps are done
            process.send_signal(signal.SIGINT)
            out, rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert [line.partition(",")[0].strip() for line in lines] == ["Loading", "Sampling", "Sampling"]
    assert rest.splitlines()[-1] == "interrupted; nothing was written"
    assert (process.returncode, out) == (130, "")
    assert list(here.iterdir()) == []


def test_inside_blender_the_handler_before_is_not_pythons(monkeypatch):
    """Then Python gives None for it, and takes no None back."""
    handlers = []

    def install(number, handler):
        if handler is None:
            raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
        handlers.append(handler)

    monkeypatch.setattr(signal, "signal", install)
    assert main(["generate"]) == 2
    assert handlers[-1] is signal.SIG_DFL
