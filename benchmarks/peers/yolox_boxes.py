"""YOLOX-nano fine-tuned on a given split as its authors publish it, from the same COCO weights.

Runs in an environment of its own (`pip install pixeltable-yolox`, the maintained package of the
authors' code) and knows nothing of Headstart. Network, mosaic, augmentation, SimOTA losses,
optimiser, rates and average are the package's for `yolox_nano`; the only choices here are the
number of epochs, of which the share without mosaic and that of the warm-up stay as published
(15 and 5 of 300, at least 1), and the batch of 8. The published ONNX file has its normalisation
folded into the convolutions, so it is unfolded by the statistics of the training images. Trains on
DATA/train, finds on DATA/test once, and writes COCO results and one JSON file.

    python benchmarks/peers/yolox_boxes.py DATA --weights yolox_nano.onnx --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="yolox_nano.onnx")
    parser.add_argument("--out", type=Path, required=True, help="folder for found.json, peer.json")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--size", type=int, default=416)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    begun = time.monotonic()
    import numpy as np
    import torch
    from yolox.config import YoloxConfig

    random.seed(args.seed)
    np.random.seed(args.seed)  # noqa: NPY002 (the package draws from it)
    torch.manual_seed(args.seed)
    train, names = read(args.data / "train")
    test, _ = read(args.data / "test")
    config = YoloxConfig.get_named_config("yolox_nano")
    config.num_classes, config.max_epoch = len(names), args.epochs
    config.warmup_epochs = max(1, round(args.epochs * 5 / 300))
    config.no_aug_epochs = max(1, round(args.epochs * 15 / 300))
    config.input_size = config.test_size = (args.size, args.size)
    model = config.get_model()
    load(model, args.weights, train, args.size)
    model.to(args.device)
    best = learn(model, config, train, args)
    trained = time.monotonic()
    found = answers(best, config, test, names, args)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "found.json").write_text(json.dumps(found))
    seconds = {"training": trained - begun, "test": time.monotonic() - trained}
    what = f"YOLOX-nano as published, {args.epochs} epochs at {args.size} px on {args.device}"
    (args.out / "peer.json").write_text(json.dumps({"peer": what, "seconds": seconds}))


def read(folder: Path) -> tuple[list[dict], list[int]]:
    """Returns images (BGR, as the package has them) with boxes and classes; the categories."""
    import numpy as np
    from PIL import Image, ImageOps

    content = json.loads((folder / "_annotations.coco.json").read_text())
    names = sorted(each["id"] for each in content["categories"])
    rows = []
    for about in content["images"]:
        image = ImageOps.exif_transpose(Image.open(folder / about["file_name"])).convert("RGB")
        boxes = [
            [x, y, x + width, y + height, names.index(each["category_id"])]
            for each in content["annotations"]
            for x, y, width, height in [each["bbox"]]
            if each["image_id"] == about["id"] and width > 0 and height > 0
        ]
        rows.append({
            "id": about["id"], "pixels": np.asarray(image)[:, :, ::-1].copy(),
            "boxes": np.array(boxes, np.float32).reshape(-1, 5),
        })  # fmt: skip
    return rows, names


def load(model: Any, file: Path, rows: list[dict], size: int) -> None:
    """Puts the weights of the ONNX file in, normalisation unfolded; other classes stay random."""
    import numpy as np
    import onnx
    import torch
    from onnx import numpy_helper
    from yolox.data.data_augment import preproc

    graph = onnx.load(file).graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    convolutions = [node.input[1:] for node in graph.node if node.op_type == "Conv"]
    called: list[torch.nn.Module] = []
    watched = [
        module.register_forward_hook(lambda module, *_: called.append(module))
        for module in model.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
        for hook in watched:
            hook.remove()
        norms = {
            id(each.conv): each.bn for each in model.modules() if hasattr(each, "conv") and
            hasattr(each, "bn")
        }  # fmt: skip
        for module, (weight, bias) in zip(called, convolutions, strict=True):
            if id(module) in norms:
                module.weight.copy_(torch.tensor(stored[weight]))
                norm = norms[id(module)]
                norm.running_mean.zero_()
                norm.running_var.fill_(1 - norm.eps)
                norm.weight.fill_(1)
                norm.bias.copy_(torch.tensor(stored[bias]))
            elif module.weight.shape == stored[weight].shape:
                module.weight.copy_(torch.tensor(stored[weight]))
                module.bias.copy_(torch.tensor(stored[bias]))
        some = random.sample(rows, min(64, len(rows)))
        pixels = [preproc(each["pixels"], (size, size))[0] for each in some]
        seen: dict[int, list[torch.Tensor]] = {}

        def note(norm: torch.nn.Module, inputs: tuple) -> None:
            (x,) = inputs
            sums = torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))])
            seen.setdefault(id(norm), []).append(sums)

        noted = [norm.register_forward_pre_hook(note) for norm in norms.values()]
        for start in range(0, len(pixels), 8):
            model(torch.from_numpy(np.stack(pixels[start : start + 8])))
        for hook in noted:
            hook.remove()
        for norm in norms.values():  # the same function, with the statistics that it meets
            mean, square = torch.stack(seen[id(norm)]).mean(0)
            spread = (square - mean**2).clamp(min=1e-6)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(spread)
            norm.weight.copy_((spread + norm.eps).sqrt())
            norm.bias.add_(mean)


def learn(model: Any, config: Any, rows: list[dict], args: argparse.Namespace) -> Any:
    """Trains as the package's trainer does; returns the average of the weights."""
    import torch
    from yolox.data import TrainTransform
    from yolox.data.datasets import Dataset, MosaicDetection
    from yolox.utils import ModelEMA

    class Rows(Dataset):
        def __init__(self) -> None:
            super().__init__((args.size, args.size))

        def __len__(self) -> int:
            return len(rows)

        def load_anno(self, index: int) -> Any:
            return rows[index]["boxes"].copy()

        def pull_item(self, index: int) -> tuple:
            pixels = rows[index]["pixels"]
            return pixels.copy(), self.load_anno(index), pixels.shape[:2], rows[index]["id"]

    drawn = MosaicDetection(
        Rows(), (args.size, args.size), preproc=TrainTransform(120, config.flip_prob,
        config.hsv_prob), degrees=config.degrees, translate=config.translate,
        mosaic_scale=config.mosaic_scale, mixup_scale=config.mixup_scale, shear=config.shear,
        enable_mixup=config.enable_mixup, mosaic_prob=config.mosaic_prob,
        mixup_prob=config.mixup_prob,
    )  # fmt: skip
    optimiser = config.get_optimizer(args.batch_size)
    steps = max(1, len(rows) // args.batch_size)
    rate = config.get_lr_scheduler(config.basic_lr_per_img * args.batch_size, steps)
    model.train()
    average, step = ModelEMA(model, 0.9998), 0
    for epoch in range(args.epochs):
        if epoch == args.epochs - config.no_aug_epochs:
            drawn.enable_mosaic, model.head.use_l1 = False, True
        order = torch.randperm(len(rows)).tolist()
        for start in range(0, steps * args.batch_size, args.batch_size):
            images, truth, _, _ = zip(
                *(drawn[row] for row in order[start : start + args.batch_size]), strict=True
            )
            pixels = torch.stack([torch.from_numpy(each) for each in images]).to(args.device)
            wanted = torch.stack([torch.from_numpy(each) for each in truth]).to(args.device)
            loss = model(pixels, wanted)["total_loss"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            average.update(model)
            step += 1
            for group in optimiser.param_groups:
                group["lr"] = rate.update_lr(step)
    return average.ema


def answers(
    model: Any, config: Any, rows: list[dict], names: list[int], args: argparse.Namespace
) -> list[dict]:
    """Returns COCO results of the test images, at their own size."""
    import torch
    from yolox.data.data_augment import preproc
    from yolox.utils import postprocess

    found = []
    with torch.inference_mode():
        for row in rows:
            pixels, scale = preproc(row["pixels"], (args.size, args.size))
            told = model(torch.from_numpy(pixels)[None].to(args.device))
            (boxes,) = postprocess(told, len(names), config.test_conf, config.nmsthre)
            for left, top, right, bottom, sure, score, label in (
                [] if boxes is None else boxes.cpu().tolist()
            ):
                found.append({
                    "image_id": row["id"], "category_id": names[int(label)],
                    "bbox": [left / scale, top / scale, (right - left) / scale,
                             (bottom - top) / scale],
                    "score": sure * score,
                })  # fmt: skip
    return found


if __name__ == "__main__":
    main()
