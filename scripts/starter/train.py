"""Trains the bundled `starter` backbone on images by formula; writes timm's folder layout.

    python scripts/starter/train.py                     # the recipe of the bundled weights
    python scripts/starter/train.py --steps 30000 --batch 512 --device cuda   # a longer one

The same arguments, versions and kind of machine give the same weights. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from formula import CODES, VERSION, Recipe, Scenes, seeded
from safetensors.torch import save_file
from scenes import World
from torch import Tensor, nn

ARCHITECTURE = "resnet10t"
MODEL_ARGS = {
    "channels": [40, 80, 160, 320],
    "stem_width": 16,
    "zero_init_last": False,
}
SIZE, MEAN, STD = 64, 0.5, 0.5
LIMIT = 4_000_000  # bytes: the wheel carries this file
ROOT = Path(__file__).resolve().parents[2]


class Pupil(nn.Module):
    """The backbone with one linear head for each label and one for the pose."""

    def __init__(self, classes: dict[str, int]) -> None:
        """Builds the backbone with random weights and a head of each size in `classes`."""
        super().__init__()
        self.backbone = timm.create_model(
            ARCHITECTURE, pretrained=False, num_classes=0, **MODEL_ARGS
        )
        width = self.backbone.num_features
        self.heads = nn.ModuleDict(
            {name: nn.Linear(width, count) for name, count in classes.items()}
        )
        self.codes = nn.ModuleDict({name: nn.Linear(width, count) for name, count in CODES.items()})
        self.pose = nn.Linear(width, 5)

    def forward(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """Returns logits (N, classes) and codes (N, D) of every label, and the pose (N, 5).

        Args:
            images: (N, 3, S, S) in 0..1.
        """
        pooled = self.backbone((images - MEAN) / STD)
        logits = {name: head(pooled) for name, head in self.heads.items()}
        return logits, {name: head(pooled) for name, head in self.codes.items()}, self.pose(pooled)


# Loss weights of the class and of the code of each label: a shape is harder and worth more than a
# colour.
WEIGHTS = {
    "object": (0.5, 2.0),
    "texture": (0.3, 0.7),
    "ground": (0.3, 0.7),
    "colour": (0.2, 0.3),
    "ground_colour": (0.2, 0.3),
}


def lesson(pupil: Pupil, scenes: Scenes) -> tuple[Tensor, dict[str, float]]:
    """Returns the loss of one batch, and the accuracy and code error on each label."""
    images = scenes.images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=images.device.type == "cuda"):
        logits, codes, pose = pupil(images)
    error = F.smooth_l1_loss(pose.float(), scenes.pose, reduction="none", beta=0.2).mean(1)
    loss = (error * scenes.posed).sum() / scenes.posed.sum().clamp_min(1)
    scores = {"pose": float(loss.detach())}
    for name, guess in logits.items():
        truth = scenes.labels[name]
        known = truth >= 0
        count = known.sum().clamp_min(1)
        of_class, of_code = WEIGHTS[name]
        loss = loss + of_class * F.cross_entropy(guess.float(), truth, reduction="sum") / count
        miss = ((codes[name].float() - scenes.codes[name]).square().mean(1) * known).sum() / count
        loss = loss + of_code * miss
        scores[name] = float(((guess.argmax(1) == truth) & known).sum() / count)
        scores[name + "_code"] = float(miss.detach())
    return loss, scores


def write(backbone: nn.Module, folder: Path, provenance: dict[str, object]) -> int:
    """Writes `config.json` and float16 `model.safetensors`; returns their size in bytes.

    Raises:
        ValueError: The two files are larger than the wheel allows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in backbone.state_dict().items()
    }
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architecture": ARCHITECTURE,
        "num_classes": 0,
        "num_features": backbone.num_features,
        "model_args": MODEL_ARGS,
        "pretrained_cfg": {
            "tag": "starter",
            "license": "apache-2.0",
            "input_size": [3, SIZE, SIZE],
            "fixed_input_size": False,
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "crop_mode": "center",
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
            "num_classes": 0,
            "pool_size": [SIZE // 32, SIZE // 32],
            "first_conv": "conv1.0",
            "classifier": "fc",
        },
        "provenance": provenance,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    size = sum(
        file.stat().st_size for file in (folder / "config.json", folder / "model.safetensors")
    )
    if size > LIMIT:
        raise ValueError(
            f"{folder} holds {size} bytes, more than {LIMIT}: make MODEL_ARGS['channels'] thinner"
        )
    return size


def main() -> None:
    """Reads the flags, trains, and writes the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "src/headstart/nets/pretrained/starter")
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--size", type=int, default=32, help="pixels of a training scene")
    parser.add_argument(
        "--fine-size", type=int, default=64, help="pixels for the last part of the training"
    )
    parser.add_argument(
        "--fine-share", type=float, default=0.12, help="share of the steps at --fine-size"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    recipe = Recipe()
    began = time.time()
    world = World(recipe, seed=args.seed, device=args.device)
    print(f"world of {recipe} in {time.time() - began:.0f} s", flush=True)
    pupil = Pupil(recipe.classes).to(args.device, memory_format=torch.channels_last)
    decayed = [p for p in pupil.parameters() if p.ndim > 1]
    rest = [p for p in pupil.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=args.lr)
    warm = max(1, args.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(
            (step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(1, step / args.steps)))
        ),
    )
    rng = seeded(args.seed + 1, args.device)
    mean: dict[str, float] = {}
    began = time.time()
    for step in range(args.steps):
        fine = step >= args.steps * (1 - args.fine_share)
        loss, scores = lesson(
            pupil, world.sample(args.batch, args.fine_size if fine else args.size, rng)
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(pupil.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        for name, value in scores.items():
            mean[name] = 0.98 * mean.get(name, value) + 0.02 * value
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            words = " ".join(f"{name} {value:.3f}" for name, value in mean.items())
            write(pupil.backbone, args.out, {"unfinished": step + 1})
            print(f"step {step + 1} {(time.time() - began):.0f} s: {words}", flush=True)

    flags = {name: value for name, value in vars(args).items() if name != "out"}
    provenance = {
        "script": "scripts/starter/train.py",
        "generator": VERSION,
        "recipe": asdict(recipe),
        **flags,
        "images": args.steps * args.batch,
        "torch": torch.__version__,
        "timm": timm.__version__,
    }
    size = write(pupil.eval().backbone, args.out, provenance)
    print(f"wrote {args.out}: {size} bytes", flush=True)


if __name__ == "__main__":
    main()
