"""The machine underneath: devices, memory, precision, time."""
