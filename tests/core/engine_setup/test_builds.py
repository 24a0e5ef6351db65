"""What is chosen for which computer, and that the versions are those that are tested."""

import tomllib
from pathlib import Path

import pytest

from syncdiffusion.core.engine_setup.builds import BUILDS, MINIMUM_TORCH, TORCH, TORCHVISION, available, recommend
from syncdiffusion.core.engine_setup.found import version_numbers
from syncdiffusion.core.engine_setup.machine import Gpu, Machine, detect

ROOT = Path(__file__).resolve().parents[3]
OLD_CARD = Gpu("GTX 1080", 580.95, 6.1, 8 << 30)
NEW_CARD = Gpu("RTX 4090", 580.95, 8.9, 24 << 30)


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
        (Machine("linux", "x86_64", nvidia=(Gpu("RTX 3060", 550.54, 8.6),)), "cu126", "the driver asks for"),
        (Machine("linux", "x86_64", nvidia=(Gpu("GTX 970", 470.2, 5.2),)), "cpu", "Update it to 528 or newer"),
        (Machine("linux", "x86_64", amd=(Gpu("AMD gfx1100"),)), "rocm", "AMD gfx1100"),
        (Machine("linux", "x86_64"), "cpu", "CPU"),
        (Machine("windows", "amd64"), "cpu", "AMD and Intel cards are not supported on Windows"),
        (Machine("macos", "arm64"), "apple", "GPU"),
        (Machine("macos", "x86_64"), "", "Intel"),
        (Machine("linux", "aarch64"), "", "aarch64"),
    ],
)
def test_the_build_that_suits(machine, key, why):
    import re

    chosen, sentence = recommend(machine)
    assert chosen == key
    assert re.search(why, sentence)
    assert not key or BUILDS[key] in available(machine.system)


def test_nvidias_driver_is_asked():
    asked = []

    def run(command: list[str]) -> str:
        asked.append(command[0])
        return "NVIDIA RTX A6000, 580.95.05, 8.6, 49140\nnonsense\n"

    cards = detect(run).nvidia
    assert cards == (Gpu("NVIDIA RTX A6000", 580.95, 8.6, 49140 << 20),)
    assert asked == ["nvidia-smi"]
    assert detect(lambda _: "").nvidia == ()


def test_the_kernel_is_asked_for_amd(tmp_path):
    for number, text in enumerate(["cpu_cores_count 16\ngfx_target_version 0\n", "gfx_target_version 110000\n"]):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "properties").write_text(text, "utf-8")
    (tmp_path / "2").mkdir()
    machine = detect(lambda _: "", nodes=tmp_path)
    assert [card.name for card in machine.amd] == (["AMD gfx1100"] if machine.system == "linux" else [])
    assert detect(lambda _: "", nodes=tmp_path / "none").amd == ()


def test_torch_of_a_build_and_its_torchvision_come_from_one_index():
    for build in BUILDS.values():
        assert build.requirements == (f"torch=={TORCH}{build.local}", f"torchvision=={TORCHVISION}{build.local}")
        assert not build.local or build.index.endswith(build.local.removeprefix("+"))
