"""The U-Net of segmentation-models-pytorch as its own examples train it, on a given split.

Runs in its own environment and knows nothing of Headstart. The encoder is timm's, with the weights
of a local folder; every image is padded to a square of `--size` (membranes are trained at their
full size); Dice and cross-entropy, AdamW, one cosine cycle, flips, and where `--turns` is given
quarter turns too. Trains on DATA/train/{images,masks} (indices of classes), predicts DATA/test once
and writes the predicted masks at the images' own size and one JSON file. Nothing is chosen on the
test images.

    python benchmarks/peers/smp_unet.py DATA --weights FOLDER --classes 2 --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="folder in timm's layout")
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for masks and peer.json")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--turns", action="store_true", help="quarter turns and upright flips too")
    parser.add_argument("--device", default="cpu", help="of torch, such as cuda")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    begun = time.monotonic()
    import numpy as np
    import segmentation_models_pytorch as smp
    import torch
    from PIL import Image, ImageOps
    from safetensors.torch import load_file

    torch.manual_seed(args.seed)
    architecture = json.loads((args.weights / "config.json").read_text())["architecture"]
    model = smp.Unet(f"tu-{architecture}", encoder_weights=None, classes=args.classes)
    weights = load_file(args.weights / "model.safetensors")
    known = model.encoder.model.state_dict()
    missing = set(known) - set(weights)
    assert not missing, f"the weights lack {sorted(missing)[:3]}"
    model.encoder.model.load_state_dict({name: weights[name] for name in known})
    model.to(args.device)

    def read(part: str) -> list[tuple[str, np.ndarray, np.ndarray | None]]:
        rows = []
        for file in sorted((args.data / part / "images").iterdir()):
            image = np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB"))
            mask = args.data / part / "masks" / f"{file.stem}.png"
            rows.append((file.stem, image, np.asarray(Image.open(mask))))
        return rows

    def place(height: int, width: int) -> tuple[int, int, int, int]:
        scale = args.size / max(height, width)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        return (args.size - w) // 2, (args.size - h) // 2, w, h

    def fit(pixels: np.ndarray, fill: int, how: Image.Resampling) -> np.ndarray:
        x, y, w, h = place(*pixels.shape[:2])
        square = np.full((args.size, args.size, *pixels.shape[2:]), fill, np.uint8)
        square[y : y + h, x : x + w] = np.asarray(Image.fromarray(pixels).resize((w, h), how))
        return square

    mean, std = 0.5, 0.5
    config = json.loads((args.weights / "config.json").read_text()).get("pretrained_cfg", {})
    mean = torch.tensor(config.get("mean", [mean] * 3)).view(3, 1, 1)
    std = torch.tensor(config.get("std", [std] * 3)).view(3, 1, 1)

    def tensor(square: np.ndarray) -> torch.Tensor:
        return (torch.from_numpy(square.copy()).permute(2, 0, 1).float() / 255 - mean) / std

    train, test = read("train"), read("test")
    grey = round(255 * float(mean.mean()))
    images = torch.stack([tensor(fit(x, grey, Image.Resampling.BICUBIC)) for _, x, _ in train])
    masks = torch.stack(
        [torch.from_numpy(fit(y, 255, Image.Resampling.NEAREST)).long() for _, _, y in train]
    )
    dice = smp.losses.DiceLoss("multiclass", ignore_index=255)
    entropy = torch.nn.CrossEntropyLoss(ignore_index=255)
    steps = args.epochs * -(-len(train) // args.batch_size)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.rate, total_steps=steps)
    images, masks = images.to(args.device), masks.to(args.device)
    model.train()
    for _ in range(args.epochs):
        order = torch.randperm(len(train))
        for start in range(0, len(order), args.batch_size):
            chosen = order[start : start + args.batch_size]
            x, y = images[chosen], masks[chosen]
            if torch.rand(()) < 0.5:
                x, y = x.flip(3), y.flip(2)
            if args.turns:
                turns = int(torch.randint(4, ()))
                x, y = torch.rot90(x, turns, (2, 3)), torch.rot90(y, turns, (1, 2))
            scores = model(x)
            loss = dice(scores, y) + entropy(scores, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    trained = time.monotonic()
    model.eval()
    (args.out / "masks").mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        for stem, image, _ in test:
            height, width = image.shape[:2]
            x, y, w, h = place(height, width)
            square = tensor(fit(image, grey, Image.Resampling.BICUBIC))
            shares = model(square[None].to(args.device)).softmax(1)[:, :, y : y + h, x : x + w]
            shares = torch.nn.functional.interpolate(shares, (height, width), mode="bilinear")
            found = shares[0].argmax(0).cpu().numpy().astype(np.uint8)
            Image.fromarray(found).save(args.out / "masks" / f"{stem}.png")
    (args.out / "peer.json").write_text(
        json.dumps(
            {
                "peer": f"segmentation-models-pytorch {smp.__version__} U-Net, "
                f"{args.epochs} epochs at {args.size} px on {args.device}",
                "seconds": {"training": trained - begun, "test": time.monotonic() - trained},
            }
        )
    )


if __name__ == "__main__":
    main()
