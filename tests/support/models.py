"""Small models with random weights, in the layouts of the real ones, that behave like models.

Weights straight from the libraries' initialization give almost constant outputs: no gradient worth comparing, no
guidance, grey images. So the makers scale them: the VAE's output is set to the spread of an image, cross attention is
sharpened until the prompt counts, and the UNet's last convolution is fitted (ridge regression, no training) to predict
what it is to predict, so that latents stay bounded over a run.
"""

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from .torchvision_import import import_torchvision

PROMPTS = (
    "a photo of a mountain range at twilight",
    "a photo of a city skyline at night",
    "a cartoon panorama of spring summer beautiful nature",
    "natural landscape in anime style illustration",
    "a film photo of a landscape with a castle",
    "",
)
MERGES = "t h|th e</w>|i n|in g</w>|p h|ph o|o f</w>|a n|an d</w>|m o|mo u|e r</w>|a t|o n|s k|sk y</w>"

PIXEL_STD = 0.75  # of decoded values around 0, where [-1, 1] is what an image can show
PROMPT_GAIN = 0.25  # of cross attention's outputs: guidance multiplies what they change by its scale
TIME_GAIN = 10  # of the time embedding's weights
DETOUR = 0.5  # how much of the inner levels joins the outermost skip connection
SMOOTHNESS = 0.9  # of the latents that the UNet is fitted to
OUTPUT_GAIN = {"epsilon": 1.2, "v_prediction": 1.7}  # over the fit: keeps latents bounded; makes v count
SDXL_UNET = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 40 + 6 * 8,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [1, 2],
}
SDXL_INDEX = {
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "force_zeros_for_empty_prompt": True,
}
RELU_MARGIN = {"vgg": 2.0, "alex": 2.0, "squeeze": 6.0}  # of the perceptual networks, see _open_relus
STYLE_LEVEL = 0.9  # of VGG19's features: the paper's style weight, 0.1, then moves latents by about as much


def make_model(
    folder: str | Path,
    *,
    family: Literal["sd", "sdxl"] = "sd",
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon",
    window_latents: int = 8,
    latent_channels: int = 4,
    vae_levels: int = 4,
    seed: int = 0,
    scheduler: str = "DDIMScheduler",
    scaling_factor: float | None = None,
    text_max_length: int = 77,
    lcm_width: int | None = None,
    unet: Mapping[str, Any] | None = None,
    vae: Mapping[str, Any] | None = None,
    text_encoder: Mapping[str, Any] | None = None,
    scheduler_config: Mapping[str, Any] | None = None,
) -> Path:
    """Write a small Stable Diffusion in diffusers' layout; its latent factor is 2 ** (vae_levels - 1).

    ``lcm_width`` makes the UNet one that is told the guidance scale. An SDXL has two text encoders and tells its UNet
    a pooled embedding and sizes. The four mappings override entries of the parts' configurations.
    """
    import_torchvision()
    folder = Path(folder)
    is_xl = family == "sdxl"
    scaling_factor = scaling_factor or (0.13025 if is_xl else 0.18215)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        tokenizer = _make_tokenizer(text_max_length)
        text_models = [_make_text_encoder(tokenizer, dict(text_encoder or {}))]
        if is_xl:
            text_models.append(_make_text_encoder(tokenizer, {"hidden_size": 48, "projection_dim": 40}, pooled=True))
        vae_model = _make_vae(latent_channels, vae_levels, scaling_factor, window_latents, dict(vae or {}))
        config = _scheduler_config(scheduler, prediction_type, dict(scheduler_config or {}))
        width = sum(text_model.config.hidden_size for text_model in text_models)
        unet_config = (SDXL_UNET if is_xl else {}) | {"time_cond_proj_dim": lcm_width} | dict(unet or {})
        unet_model = _make_unet(latent_channels, window_latents, width, unet_config)
        sizes = torch.tensor([window_latents * 2 ** (vae_levels - 1)] * 6) * torch.tensor([1, 1, 0, 0, 1, 1])
        _fit_unet(unet_model, _embed_prompts(tokenizer, text_models), sizes, config)

    for name, text_model in zip(("", "_2"), text_models, strict=False):
        _save_tokenizer(tokenizer, folder / f"tokenizer{name}")
        text_model.save_pretrained(folder / f"text_encoder{name}")
    vae_model.save_pretrained(folder / "vae")
    unet_model.save_pretrained(folder / "unet")
    _write_json(folder / "scheduler" / "scheduler_config.json", config)
    _write_json(
        folder / "model_index.json",
        {
            "_class_name": f"StableDiffusion{'XL' if is_xl else ''}Pipeline",
            "_diffusers_version": config["_diffusers_version"],
            "feature_extractor": [None, None],
            "requires_safety_checker": False,
            "safety_checker": [None, None],
            "scheduler": ["diffusers", scheduler],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            **(SDXL_INDEX if is_xl else {}),
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )
    return folder


def make_tiny_decoder(folder: str | Path, channels: int = 4, levels: int = 4, seed: int = 0) -> Path:
    """Write a small `AutoencoderTiny` with random weights, whose decoded unit-variance latents fill [0, 1]."""
    import_torchvision()
    from diffusers import AutoencoderTiny

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = AutoencoderTiny(
            latent_channels=channels,
            encoder_block_out_channels=(8,) * levels,
            decoder_block_out_channels=(8,) * levels,
            num_encoder_blocks=(1,) * levels,
            num_decoder_blocks=(1,) * levels,
        ).eval()
        images = model.decode(torch.randn(16, channels, 8, 8)).sample
        _spread_pixels(model.decoder.layers[-1], images, offset=0.5, gain=0.5)
        model.save_pretrained(folder)
    return Path(folder)


def make_lpips_weights(path: str | Path, net: Literal["vgg", "alex", "squeeze"] = "vgg", seed: int = 0) -> Path:
    """Write a state dict of `lpips.LPIPS(net=net)`: random trunk, the package's true linear heads.

    `.safetensors` or `.pt`, by the path's suffix.
    """
    model = empty_lpips(net)
    import lpips

    heads_file = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    heads = torch.load(heads_file, map_location="cpu", weights_only=True)
    scaling = lpips.ScalingLayer().state_dict()
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, meta in model.state_dict().items():
        if name.startswith("scaling_layer."):
            state[name] = scaling[name.removeprefix("scaling_layer.")]
        elif name.startswith("lins."):  # lins.K.model.1.weight is linK.model.1.weight once more
            state[name] = heads["lin" + name.removeprefix("lins.")].clone()
        elif name in heads:
            state[name] = heads[name]
        else:
            state[name] = _he_normal(meta.shape, generator)
    model.load_state_dict(state, assign=True)
    _open_relus(model.net, model.scaling_layer(2 * _smooth_images(generator) - 1), RELU_MARGIN[net], generator)
    return _save_state({name: value.detach() for name, value in model.state_dict().items()}, path)


def empty_lpips(net: str) -> Any:
    """Build `lpips.LPIPS` without memory behind its weights (a random VGG16 is made with 553 MB of classifier)."""
    import_torchvision()
    import lpips

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")  # lpips asks torchvision in words that are deprecated
        return lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)


def make_vgg19_weights(path: str | Path, seed: int = 0) -> Path:
    """Write the first five convolutions of a random VGG19 under torchvision's names; `.safetensors` or `.pt`."""
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for fan_in, fan_out in ((3, 64), (64, 64), (64, 128), (128, 128), (128, 256)):
        conv = nn.Conv2d(fan_in, fan_out, 3, padding=1)
        conv.weight.data = _he_normal(conv.weight.shape, generator)
        conv.bias.data = _he_normal(conv.bias.shape, generator)
        layers += [conv, nn.ReLU(), nn.MaxPool2d(2)] if len(layers) in (2, 7) else [conv, nn.ReLU()]
    network = nn.Sequential(*layers)  # numbered as torchvision's features
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = (_smooth_images(generator) - mean[:, None, None]) / std[:, None, None]
    _open_relus(network, images, RELU_MARGIN["vgg"], generator, STYLE_LEVEL)
    return _save_state({f"features.{name}": value.detach() for name, value in network.state_dict().items()}, path)


@torch.no_grad()
def _open_relus(
    network: nn.Module, images: Tensor, margin: float, generator: torch.Generator, level: float = 1.0
) -> None:
    """Set the biases so that nine of ten units lie `margin` times their spread above zero, the others at zero.

    Outputs are scaled to the root mean square `level`.

    A random trunk on small images is all corners: a rounding error that moves one unit across zero changes the
    gradient by a part in a thousand, the next steps amplify it, and two right implementations part ways. With few
    corners float32 stays within the tolerance (at the paper's weights: 20 for LPIPS, 0.1 for style), most runs within
    a tenth of it; what remains are the corners of max pooling and of the image's clamp. A missing ReLU still shows.
    Comparisons that are to be finer than that, or with larger weights, belong in float64.
    """

    def shift(conv: nn.Conv2d, _: Any, output: Tensor) -> Tensor:
        mean, spread = output.mean((0, 2, 3)), output.std((0, 2, 3))
        is_open = torch.rand(len(mean), generator=generator) < 0.9
        change = margin * spread * is_open - mean
        shifted = output + change[:, None, None]
        gain = level / shifted.square().mean().sqrt()
        conv.weight *= gain
        conv.bias.add_(change).mul_(gain)
        return shifted * gain

    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [conv.register_forward_hook(shift) for conv in convolutions]
    network(images)
    for hook in hooks:
        hook.remove()


def _smooth_images(generator: torch.Generator) -> Tensor:
    """Draw images in [0, 1] that vary over a few pixels."""
    coarse = torch.randn(4, 3, 20, 20, generator=generator)
    return (F.interpolate(coarse, size=(64, 64), mode="bicubic") / 2 + 0.5).clamp(0, 1)


def _he_normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw He-normal weights; biases are small but not zero."""
    std = 0.05 if len(shape) == 1 else (2 / math.prod(shape[1:])) ** 0.5
    return torch.randn(shape, generator=generator) * std


def _save_state(state: dict[str, Tensor], path: str | Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file({name: tensor.clone() for name, tensor in state.items()}, path)  # it refuses shared memory
    else:
        torch.save(state, path)
    return path


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _scheduler_config(scheduler: str, prediction_type: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Give Stable Diffusion 2's scheduler file: short, as published, so that each class fills in its own defaults."""
    config = {
        "_class_name": scheduler,
        "_diffusers_version": "0.8.0",
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": False,
        "num_train_timesteps": 1000,
        "prediction_type": prediction_type,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "trained_betas": None,
    }
    if scheduler == "PNDMScheduler":
        config["skip_prk_steps"] = True
    return config | overrides


def _make_tokenizer(max_length: int) -> Any:
    """Make a byte-level tokenizer with a handful of merges and Stable Diffusion 2's special tokens."""
    from transformers import CLIPTokenizer

    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(code) for code in printable] + [chr(256 + k) for k in range(256 - len(printable))]
    merges = [tuple(pair.split()) for pair in MERGES.split("|")]
    pieces = letters + [letter + "</w>" for letter in letters] + [left + right for left, right in merges]
    words = {piece: index for index, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=words, merges=merges, pad_token="!", model_max_length=max_length)


def _save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Save it as published models do: `vocab.json` and `merges.txt`, where transformers 5 writes `tokenizer.json`."""
    tokenizer.save_pretrained(folder)
    (folder / "tokenizer.json").unlink()
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.json").write_text(json.dumps(dict(words)), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES.split("|"), ""]), encoding="utf-8")
    special = {name: getattr(tokenizer, name) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    _write_json(folder / "special_tokens_map.json", special)


def _make_text_encoder(tokenizer: Any, overrides: dict[str, Any], *, pooled: bool = False) -> Any:
    """Make a two-layer CLIP text encoder whose attention spreads the words over the positions after them."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "projection_dim": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": tokenizer.model_max_length,
        "hidden_act": "gelu",
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    kind = CLIPTextModelWithProjection if pooled else CLIPTextModel
    model = kind(CLIPTextConfig(**(config | overrides))).eval()
    for name, weight in model.named_parameters():
        if "token_embedding" in name:
            weight.mul_(50)
        elif "position_embedding" in name:
            weight.mul_(25)
        elif weight.ndim == 2:  # every linear layer: from the library's narrow start to unit gain
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    return model


def _embed_prompts(tokenizer: Any, text_encoders: list[Any]) -> tuple[Tensor, Tensor | None]:
    """Embed what the UNet is fitted to; of SDXL the layers before the last, side by side, and the pooled embeddings."""
    ids = tokenizer(
        list(PROMPTS), padding="max_length", truncation=True, max_length=tokenizer.model_max_length, return_tensors="pt"
    ).input_ids
    if len(text_encoders) == 1:
        return text_encoders[0](ids)[0], None
    outputs = [text_encoder(ids, output_hidden_states=True) for text_encoder in text_encoders]
    return torch.cat([output.hidden_states[-2] for output in outputs], dim=-1), outputs[-1].text_embeds


def _make_vae(channels: int, levels: int, scaling_factor: float, window: int, overrides: dict[str, Any]) -> Any:
    """Make an autoencoder whose decoded unit-variance latents fill [0, 1] with some pixels beyond it."""
    from diffusers import AutoencoderKL

    config = {
        "latent_channels": channels,
        "block_out_channels": [8] * (levels - 2) + [16, 16] if levels > 1 else [16],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "scaling_factor": scaling_factor,
        "sample_size": window * 2 ** (levels - 1),
    }
    model = AutoencoderKL(**(config | overrides)).eval()
    latents = torch.randn(16, channels, window, window)
    images = model.decode(latents / scaling_factor).sample
    _spread_pixels(model.decoder.conv_out, images)
    return model


def _spread_pixels(last: nn.Conv2d, images: Tensor, offset: float = 0.0, gain: float = 1.0) -> None:
    """Change a decoder's last convolution so that `images` would lie around 0 with the spread of pictures.

    `offset` and `gain` lead from pixels in [-1, 1] to what the convolution gives.
    """
    given = images * gain + offset
    factor = PIXEL_STD * gain / given.std(dim=(0, 2, 3))
    last.bias.sub_(given.mean(dim=(0, 2, 3))).mul_(factor).add_(offset)
    last.weight.mul_(factor[:, None, None, None])


def _make_unet(channels: int, window: int, text_width: int, overrides: dict[str, Any]) -> Any:
    """Make a two-level UNet with cross attention, in the style of Stable Diffusion 2's."""
    from diffusers import UNet2DConditionModel

    config = {
        "sample_size": window,
        "in_channels": channels,
        "out_channels": channels,
        "block_out_channels": [max(16, 4 * channels), max(32, 4 * channels)],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "attention_head_dim": [2, 4],
        "cross_attention_dim": text_width,
        "norm_num_groups": 8,
        "use_linear_projection": True,
    }
    model = UNet2DConditionModel(**(config | overrides)).eval()
    for name, weight in model.named_parameters():
        if "attn2.to_" in name and weight.ndim == 2:
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5 * (PROMPT_GAIN if "to_out" in name else 1))
        elif "time_emb_proj.weight" in name:
            weight.mul_(TIME_GAIN)
    _pass_latents_through(model)
    return model


def _pass_latents_through(unet: Any) -> None:
    """Lead x and -x through the outermost skip connection, so that the last convolution can predict "about x".

    A pair shares a group of the normalization: its mean is zero there and x keeps its own.
    """
    last = unet.up_blocks[-1].resnets[-1]
    skipped = last.conv_shortcut.in_channels - unet.conv_in.out_channels
    for pair in range(unet.config.in_channels):
        for channel, sign in ((2 * pair, 1), (2 * pair + 1, -1)):
            unet.conv_in.weight[channel] = 0
            unet.conv_in.weight[channel, pair, 1, 1] = sign
            unet.conv_in.bias[channel] = 0
            last.conv_shortcut.weight[channel] *= DETOUR
            last.conv_shortcut.weight[channel, skipped + channel] = 1


def _fit_unet(unet: Any, texts: tuple[Tensor, Tensor | None], sizes: Tensor, config: dict[str, Any]) -> None:
    """Fit the last convolution to predict the noise (or v) of smooth latents: ridge regression on what it is given."""
    alphas = _alphas_cumprod(config)
    channels, size = unet.config.in_channels, unet.config.sample_size
    count = max(2, 1024 // size**2)
    seen: list[Tensor] = []
    hook = unet.conv_out.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    targets, weights = [], []
    for t in torch.linspace(1, config["num_train_timesteps"] - 1, 16).long():
        x0, noise = smooth_latents(count, channels, size), torch.randn(count, channels, size, size)
        a, s = alphas[t].sqrt(), (1 - alphas[t]).sqrt()
        prompts = torch.randint(len(texts[0]), (count,))
        added = None if texts[1] is None else {"text_embeds": texts[1][prompts], "time_ids": sizes.repeat(count, 1)}
        unet(a * x0 + s * noise, t, encoder_hidden_states=texts[0][prompts], added_cond_kwargs=added)
        weights.append((s / a).clamp(0.2, 5))  # errors at high noise weigh most in the result
        targets.append(noise if config["prediction_type"] == "epsilon" else a * noise - s * x0)
    hook.remove()

    columns = F.unfold(torch.cat(seen), 3, padding=1).transpose(1, 2).flatten(0, 1)  # a row for each place
    columns = torch.cat([columns, torch.ones(len(columns), 1)], 1).double()
    wanted = torch.cat(targets).flatten(2).transpose(1, 2).flatten(0, 1).double()
    weight = torch.stack(weights).double().repeat_interleave(count * size * size).sqrt()[:, None]
    columns, wanted = columns * weight, wanted * weight
    ridge = 1e-3 * weight.square().sum() * torch.eye(columns.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(columns.T @ columns + ridge, columns.T @ wanted).T
    solution = solution * OUTPUT_GAIN[config["prediction_type"]]
    unet.conv_out.weight.copy_(solution[:, :-1].reshape(unet.conv_out.weight.shape))
    unet.conv_out.bias.copy_(solution[:, -1])


def smooth_latents(count: int, channels: int, size: int) -> Tensor:
    """Draw latents of unit variance that are smooth over a few pixels, as those of images are."""
    coarse = F.interpolate(torch.randn(count, channels, 3, 3), size=(size, size), mode="bicubic")
    return SMOOTHNESS * coarse / coarse.std() + (1 - SMOOTHNESS**2) ** 0.5 * torch.randn(count, channels, size, size)


def _alphas_cumprod(config: dict[str, Any]) -> Tensor:
    """Give the alphas of the paper (cumulative products) for the scaled-linear betas."""
    start, end, count = config["beta_start"], config["beta_end"], config["num_train_timesteps"]
    return (1 - torch.linspace(start**0.5, end**0.5, count).double() ** 2).cumprod(0).float()
