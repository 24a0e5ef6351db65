"""What the enumerations of the settings offer: identifier, label, what it means."""

from __future__ import annotations

TARGETS = (
    ("WORLD", "World", "A panorama that closes round the scene, as its world", "WORLD", 0),
    ("MATERIAL", "Material", "A picture that repeats, as a material of the selected objects", "MATERIAL", 1),
    ("IMAGE", "Image", "A wide picture, as an image data-block or as a backdrop", "IMAGE_DATA", 2),
)
PRESETS = (
    ("DRAFT", "Draft", "Fast and rough, to find a composition", 0),
    ("BALANCED", "Balanced", "Good quality in reasonable time", 1),
    ("PAPER", "Exact (Slow)", "The settings of the paper: many steps, a gradient at every one", 2),
    ("CUSTOM", "Custom", "Steps, guidance and sync weight as set under Sampling", 3),
)
SCHEDULERS = (
    ("dpmpp-2m", "DPM++ 2M", "Good pictures in 10 to 25 steps"),
    ("unipc", "UniPC", "Good pictures in 10 to 25 steps"),
    ("euler", "Euler", "Simple and steady, 20 to 40 steps"),
    ("ddim", "DDIM", "The paper's, 50 steps"),
    ("lcm", "LCM", "For LCM models and LoRAs, 4 to 8 steps without guidance"),
    ("euler-trailing", "Euler Trailing", "For Turbo, Lightning and Hyper models, 1 to 8 steps without guidance"),
)
ANCHORS = (
    ("CENTER", "Center", "The window in the middle of the picture"),
    ("WINDOW", "Window", "A window by its number, counted row by row from 0"),
    ("IMAGE", "Image", "A picture of yours, whose look all windows take on"),
)

INIT_MODES = (
    ("NOISE", "Noise", "Nothing but the prompt"),
    ("REFINE", "Refine Image", "A picture, enlarged to the canvas and worked over"),
    ("GROW", "Grow from Image", "A photo, which stays as it is; the panorama is made round it"),
)
RANGES = (
    ("LDR", "LDR", "A picture of 8 bits: soft light, no sun"),
    ("EXPANDED", "Expanded", "Light: highlights lifted above white, and a sun with the energy of one (a guess)"),
)
POLES = (
    ("AUTO", "By Quality", "Painted by the model, but filled in a draft"),
    ("FILL", "Fill", "The colours of the panorama's edges go on, ever smoother"),
    (
        "GENERATE",
        "Generate",
        "The sky above and the ground below are painted by the model, which takes longer",
    ),
)
SUNS = (
    ("WORLD", "In World", "The sun is part of the world"),
    ("LAMP", "Sun Light", "A Sun light in its place, and none in the world, so that nothing is lit twice"),
    ("NONE", "None", "No sun: the world's light is cut off at the peak"),
)

WORLD_MODES = (
    ("COPY", "New World", "A copy of the scene's world with other surface nodes; the world before is kept"),
    ("IMAGE_ONLY", "Image Only", "Your own nodes stay; the environment texture in them gets the picture"),
)

MAPPINGS = (
    ("BOX", "Box", "From all sides, needs no UV map"),
    ("UV", "UV", "By the object's active UV map"),
    ("GENERATED", "Generated", "By the object's bounding box"),
    ("CAMERA", "Camera", "Projected from the scene's camera as it stands when the material is made"),
)
MATERIAL_PLACES = (
    ("SLOT", "Active Slot", "A new material in the object's active slot; the material before is kept"),
    ("NODE", "Image Texture Node", "The object's own material stays; its active image texture gets the picture"),
)
ROUGHNESS_SOURCES = (
    ("VALUE", "Value", "The same roughness everywhere"),
    ("IMAGE", "From Image", "Derived from the picture's luminance: dark is rougher, bright is smoother"),
)

IMAGE_USES = (
    ("DATA", "Data-Block Only", "An image, for you to use where you like"),
    ("BACKDROP", "Backdrop", "An unlit surface behind the scene that fills the camera's frame"),
)
BACKDROP_SHAPES = (
    ("PLANE", "Plane", "Flat, straight ahead of the camera"),
    ("CURVED", "Curved", "Part of a cylinder round the camera: straight at its middle, and room to pan"),
)

HISTORY_VIEWS = (
    ("LIST", "List", "A line for every picture", "LONGDISPLAY", 0),
    ("GRID", "Grid", "The newest pictures side by side", "IMGDISPLAY", 1),
)
