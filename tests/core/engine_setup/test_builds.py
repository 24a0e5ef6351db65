"""What is chosen for which computer, and that the versions are those that are tested."""

import re
import tomllib
from pathlib import Path

import pytest

from syncdiffusion.core.engine_setup.builds import (
    BUILDS,
    MINIMUM_TORCH,
    OVERRIDE,
    TORCH,
    TORCHVISION,
    available,
    recommend,
)
from syncdiffusion.core.engine_setup.found import version_numbers
from syncdiffusion.core.engine_setup.machine import Gpu, Machine, detect

ROOT = Path(__file__).resolve().parents[3]
OLD_CARD = Gpu("GTX 1080", 580.95, 6.1, 8 << 30)
NEW_CARD = Gpu("RTX 4090", 580.95, 8.9, 24 << 30)
NEWEST_CARD = Gpu("RTX 5090", 580.95, 12.0, 32 << 30)
HALF_AMD = Gpu("AMD gfx1033", target="gfx1033")  # the Steam Deck's: ROCm installs there, and computes nonsense


def test_the_pair_is_the_one_that_is_tested():
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert {f"torch=={TORCH}", f"torchvision=={TORCHVISION}"} <= set(pins)
    assert version_numbers(TORCH) >= MINIMUM_TORCH


@pytest.mark.parametrize(
    ("machine", "key", "why"),
    [
        (Machine("linux", "x86_64", nvidia=(NEW_CARD,)), "cu130", "RTX 4090 .driver 580.95., 24 GB"),
        (Machine("windows", "amd64", nvidia=(OLD_CARD,)), "cu126", "the card asks for"),
        (Machine("windows", "amd64", nvidia=(NEW_CARD, OLD_CARD)), "cu126", "RTX 4090 .*GTX 1080"),
        (Machine("windows", "amd64", nvidia=(OLD_CARD, NEWEST_CARD)), "cu130", "RTX 5090 .*newer cards"),
        (Machine("linux", "x86_64", nvidia=(Gpu("RTX 5070", 576.57, 12.0),)), "cpu", "Update it to 580 or newer"),
        (Machine("linux", "x86_64", nvidia=(Gpu("Tesla V100", 580.95, 7.0),)), "cu126", "the card asks for"),
        (Machine("linux", "x86_64", nvidia=(Gpu("Tesla K80", 470.2, 3.7),)), "cpu", "has no build for it"),
        (Machine("linux", "x86_64", nvidia=(Gpu("Quadro", 470.2),)), "cpu", "Update it to 528 or newer"),
        (Machine("linux", "x86_64", nvidia=(Gpu("unknown", 590.1),)), "cu130", "newer cards"),
        (Machine("linux", "x86_64", nvidia=(Gpu("RTX 3060", 550.54, 8.6),)), "cu126", "the driver asks for"),
        (Machine("linux", "x86_64", nvidia=(Gpu("GTX 970", 470.2, 5.2),)), "cpu", "Update it to 528 or newer"),
        (Machine("linux", "x86_64", amd=(Gpu("AMD gfx1100", target="gfx1100"),)), "rocm", "AMD gfx1100"),
        (Machine("linux", "x86_64", amd=(HALF_AMD, Gpu("AMD gfx1201", target="gfx1201"))), "rocm", "AMD gfx1201"),
        (Machine("linux", "x86_64", amd=(HALF_AMD,)), "cpu", "AMD gfx1033: .* is not for it"),
        (Machine("linux", "x86_64"), "cpu", "CPU"),
        (Machine("windows", "amd64"), "cpu", "AMD and Intel cards are not supported on Windows"),
        (Machine("macos", "arm64"), "apple", "GPU"),
        (Machine("macos", "x86_64"), "", "Intel"),
        (Machine("linux", "aarch64"), "", "aarch64"),
    ],
)
def test_the_build_that_suits(machine, key, why, monkeypatch):
    monkeypatch.delenv(OVERRIDE, raising=False)
    chosen, sentence = recommend(machine)
    assert chosen == key
    assert re.search(why, sentence)
    assert not key or BUILDS[key] in available(machine.system)


def test_who_says_what_his_amd_card_is_to_be_taken_for_is_believed(monkeypatch):
    monkeypatch.setenv(OVERRIDE, "10.3.0")
    assert recommend(Machine("linux", "x86_64", amd=(HALF_AMD,)))[0] == "rocm"


def test_nvidias_driver_is_asked():
    asked = []

    def run(command: list[str]) -> str:
        asked.append(command[0])
        return "NVIDIA RTX A6000, 580.95.05, 49140, 8.6\nnonsense\n"

    cards = detect(run).nvidia
    assert cards == (Gpu("NVIDIA RTX A6000", 580.95, 8.6, 49140 << 20),)
    assert asked == ["nvidia-smi"]
    assert detect(lambda _: "").nvidia == ()


def test_an_old_driver_that_knows_no_capability_is_asked_for_the_rest():
    def run(command: list[str]) -> str:
        return "" if "compute_cap" in command[1] else "Tesla K80, 470.256.02, 11441\n"

    assert detect(run).nvidia == (Gpu("Tesla K80", 470.256, 0.0, 11441 << 20),)


def test_the_kernel_is_asked_for_amd(tmp_path):
    def write(folder: Path, text: str) -> None:
        folder.mkdir(parents=True)
        (folder / "properties").write_text(text, "utf-8")

    write(tmp_path / "0", "cpu_cores_count 16\ngfx_target_version 0\n")
    write(tmp_path / "1", "gfx_target_version 110000\nunique_id\n")
    write(tmp_path / "1" / "mem_banks" / "0", f"heap_type 1\nsize_in_bytes {24 << 30}\n")
    write(tmp_path / "1" / "mem_banks" / "1", f"heap_type 0\nsize_in_bytes {64 << 30}\n")  # the computer's
    write(tmp_path / "2", "gfx_target_version 90010\n")
    (tmp_path / "3").mkdir()
    machine = detect(lambda _: "", nodes=tmp_path)
    found = (Gpu("AMD gfx1100", memory_bytes=24 << 30, target="gfx1100"), Gpu("AMD gfx90a", target="gfx90a"))
    assert machine.amd == (found if machine.system == "linux" else ())
    assert detect(lambda _: "", nodes=tmp_path / "none").amd == ()


def test_torch_of_a_build_and_its_torchvision_come_from_one_index():
    for build in BUILDS.values():
        assert build.requirements == (f"torch=={TORCH}{build.local}", f"torchvision=={TORCHVISION}{build.local}")
        assert not build.local or build.index.endswith(build.local.removeprefix("+"))
