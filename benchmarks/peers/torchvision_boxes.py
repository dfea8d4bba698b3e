"""Torchvision's detectors on a timm network, trained as its reference scripts do, on a given split.

Runs in its own environment and knows nothing of Headstart. The network is timm's with the weights
of a local folder; detector, anchors, losses and decoding are torchvision's. Every image is padded
to a square of `--size`; flips, scale and brightness are varied; AdamW, one cosine cycle, end to
end with BatchNorm statistics frozen. Trains on DATA/train, finds on DATA/test once (a COCO file
`_annotations.coco.json` in each), and writes what it found at the images' own size, as COCO has
results, and one JSON file. Nothing is chosen on the test images.

    python benchmarks/peers/torchvision_boxes.py DATA --weights FOLDER --arch ssd --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

ARCHITECTURES = ("fasterrcnn", "retinanet", "fcos", "ssd", "ssdlite")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="folder in timm's layout")
    parser.add_argument("--arch", choices=ARCHITECTURES, default="fasterrcnn")
    parser.add_argument("--out", type=Path, required=True, help="folder for found.json, peer.json")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    begun = time.monotonic()
    import torch

    torch.manual_seed(args.seed)
    train, names = read(args.data / "train", args.size)
    test, _ = read(args.data / "test", args.size)
    model = build(args, len(names)).to(args.device)
    learn(model, train, args)
    trained = time.monotonic()
    model.eval()
    found = []
    with torch.inference_mode():
        for row in test:
            (answer,) = model([tensor(row["pixels"]).to(args.device)])
            left, top, scale = row["place"]
            boxes = (answer["boxes"].cpu() - torch.tensor([left, top, left, top])) / scale
            for box, score, label in zip(
                boxes.tolist(), answer["scores"].tolist(), answer["labels"].tolist(), strict=True
            ):
                sides = [box[2] - box[0], box[3] - box[1]]
                found.append({"image_id": row["id"], "category_id": names[label - 1],
                              "bbox": [*box[:2], *sides], "score": score})  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "found.json").write_text(json.dumps(found))
    seconds = {"training": trained - begun, "test": time.monotonic() - trained}
    what = f"torchvision {args.arch}, {args.epochs} epochs at {args.size} px on {args.device}"
    (args.out / "peer.json").write_text(json.dumps({"peer": what, "seconds": seconds}))


def read(folder: Path, size: int) -> tuple[list[dict], list[int]]:
    """Returns images padded to squares with their boxes there, and the categories in order."""
    import numpy as np
    from PIL import Image, ImageOps

    content = json.loads((folder / "_annotations.coco.json").read_text())
    names = sorted(each["id"] for each in content["categories"])
    rows = []
    for about in content["images"]:
        image = ImageOps.exif_transpose(Image.open(folder / about["file_name"])).convert("RGB")
        scale = size / max(image.size)
        wide, high = (max(1, round(side * scale)) for side in image.size)
        left, top = (size - wide) // 2, (size - high) // 2
        square = np.full((size, size, 3), 114, np.uint8)
        small = image.resize((wide, high), Image.Resampling.BILINEAR)
        square[top : top + high, left : left + wide] = np.asarray(small)
        boxes, labels = [], []
        for each in content["annotations"]:
            x, y, width, height = each["bbox"]
            if each["image_id"] == about["id"] and width > 0 and height > 0:
                corners = (x, y, x + width, y + height)
                moved = zip(corners, (left, top) * 2, strict=True)
                boxes.append([edge * scale + by for edge, by in moved])
                labels.append(names.index(each["category_id"]) + 1)
        rows.append({
            "id": about["id"], "pixels": square, "place": (left, top, scale),
            "boxes": np.array(boxes, np.float32).reshape(-1, 4), "labels": np.array(labels, int),
        })  # fmt: skip
    return rows, names


def tensor(pixels):
    """Returns (3, size, size) float, 0 to 1."""
    import torch

    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def learn(model, rows: list[dict], args: argparse.Namespace) -> None:
    """Trains in place."""
    import torch

    wanted = [each for each in model.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(wanted, lr=args.rate, weight_decay=0.05)
    steps = args.epochs * -(-len(rows) // args.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.rate, total_steps=steps)
    model.train()
    for module in model.backbone.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    for _ in range(args.epochs):
        order = torch.randperm(len(rows)).tolist()
        for start in range(0, len(order), args.batch_size):
            drawn = [varied(rows[row], args.size) for row in order[start : start + args.batch_size]]
            images = [image.to(args.device) for image, _, _ in drawn]
            truth = [
                {"boxes": boxes.to(args.device), "labels": labels.to(args.device)}
                for _, boxes, labels in drawn
            ]
            loss = sum(model(images, truth).values())
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(wanted, 5.0)
            optimiser.step()
            schedule.step()


def varied(row: dict, size: int):
    """Returns one image and its boxes, mirrored, scaled and shifted by one draw."""
    import torch
    import torchvision.transforms.v2.functional as F

    image = tensor(row["pixels"])
    boxes, labels = torch.from_numpy(row["boxes"].copy()), torch.from_numpy(row["labels"].copy())
    scale = float(torch.empty(()).uniform_(0.6, 1.5))
    side = round(size * scale)
    image = F.resize(image, [side, side], antialias=True)
    by = [int(torch.randint(min(0, size - side), max(0, size - side) + 1, ())) for _ in range(2)]
    square = torch.full((3, size, size), 114 / 255)
    x, y = by
    square[:, max(y, 0) : y + side, max(x, 0) : x + side] = image[
        :, max(-y, 0) : max(-y, 0) + size, max(-x, 0) : max(-x, 0) + size
    ]
    boxes = boxes * (side / size) + torch.tensor([x, y, x, y])
    whole = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    boxes = boxes.clamp(0, size)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (sides.prod(1) > 0.4 * whole) & (sides > 2).all(1)
    boxes, labels = boxes[kept], labels[kept]
    if torch.rand(()) < 0.5:
        square = square.flip(2)
        boxes = torch.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], 1)
    square = F.adjust_brightness(square, float(torch.empty(()).uniform_(0.7, 1.3)))
    square = F.adjust_saturation(square, float(torch.empty(()).uniform_(0.6, 1.4)))
    return square, boxes.reshape(-1, 4), labels


def build(args: argparse.Namespace, count: int):
    """Returns a detector of torchvision over the network of a folder."""
    import torch
    from torchvision.models import detection
    from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
    from torchvision.models.detection.ssd import SSD
    from torchvision.models.detection.ssdlite import SSDLiteHead
    from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

    config = json.loads((args.weights / "config.json").read_text())
    cfg = config.get("pretrained_cfg", config)
    same = {
        "min_size": args.size, "max_size": args.size,
        "image_mean": list(cfg["mean"]), "image_std": list(cfg["std"]),
    }  # fmt: skip
    few = {"detections_per_img": 300}
    if args.arch == "fasterrcnn":
        body = Pyramid(args.weights, (4, 8, 16, 32), LastLevelMaxPool())
        sizes = tuple((each,) for each in (16, 32, 64, 128, 256))
        anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))
        return detection.FasterRCNN(
            body, count + 1, rpn_anchor_generator=anchors, box_detections_per_img=300,
            box_score_thresh=0.02, **same,
        )  # fmt: skip
    if args.arch in ("retinanet", "fcos"):
        body = Pyramid(args.weights, (8, 16, 32), LastLevelP6P7(256, 256))
        kind = detection.RetinaNet if args.arch == "retinanet" else detection.FCOS
        return kind(body, count + 1, score_thresh=0.02, **few, **same)
    body = Halves(args.weights)
    anchors = DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95)
    head = None
    if args.arch == "ssdlite":
        norm = torch.nn.BatchNorm2d
        head = SSDLiteHead(body.channels, anchors.num_anchors_per_location(), count + 1, norm)
    same = {key: same[key] for key in ("image_mean", "image_std")}
    return SSD(
        body, anchors, (args.size, args.size), count + 1, head=head, score_thresh=0.02, **few,
        **same,
    )  # fmt: skip


def features(weights: Path, strides: tuple[int, ...]):
    """Returns a timm network that gives the maps of some strides, and their channels."""
    import timm
    from safetensors.torch import load_file

    architecture = json.loads((weights / "config.json").read_text())["architecture"]
    config = json.loads((weights / "config.json").read_text())
    kind = timm.create_model(architecture, features_only=True).feature_info.reduction()
    network = timm.create_model(
        architecture, features_only=True, out_indices=[kind.index(each) for each in strides],
        **config.get("model_args", {}),
    )  # fmt: skip
    given = load_file(weights / "model.safetensors")
    given |= {name.replace(".", "_", 1): each for name, each in given.items()}
    known = network.state_dict()
    missing = [name for name in known if name not in given and "num_batches" not in name]
    assert not missing, f"the weights lack {missing[:3]}"
    network.load_state_dict({name: given.get(name, each) for name, each in known.items()})
    return network, network.feature_info.channels()


def Pyramid(weights: Path, strides: tuple[int, ...], extra):
    """Returns torchvision's feature pyramid over a network."""
    import torch
    from torchvision.ops import FeaturePyramidNetwork

    class Body(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network, channels = features(weights, strides)
            self.fpn = FeaturePyramidNetwork(channels, 256, extra_blocks=extra)
            self.out_channels = 256

        def forward(self, images):
            maps = self.network(images)
            return self.fpn({str(at): each for at, each in enumerate(maps)})

    return Body()


def Halves(weights: Path):
    """Returns a network's maps of stride 16 and 32 and four more, each half of the one before."""
    import torch

    class Body(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network, channels = features(weights, (16, 32))
            self.more = torch.nn.ModuleList()
            for width in (512, 256, 256, 128):
                self.more.append(half(channels[-1], width))
                channels = [*channels, width]
            self.channels = self.out_channels = channels

        def forward(self, images):
            maps = list(self.network(images))
            for each in self.more:
                maps.append(each(maps[-1]))
            return {str(at): each for at, each in enumerate(maps)}

    def half(inputs: int, outputs: int):
        middle, norm, act = outputs // 2, torch.nn.BatchNorm2d, torch.nn.ReLU6
        return torch.nn.Sequential(
            torch.nn.Conv2d(inputs, middle, 1, bias=False), norm(middle), act(),
            torch.nn.Conv2d(middle, middle, 3, 2, 1, groups=middle, bias=False), norm(middle),
            act(), torch.nn.Conv2d(middle, outputs, 1, bias=False), norm(outputs), act(),
        )  # fmt: skip

    return Body()


if __name__ == "__main__":
    main()
