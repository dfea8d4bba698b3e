"""The words that options may be: each list is written once, where nothing heavy is imported."""

from __future__ import annotations

from typing import Literal

__all__ = [
    "Align",
    "Balance",
    "Baselines",
    "BoxDetector",
    "Device",
    "EvaluationKind",
    "Flip",
    "Geometry",
    "Layout",
    "MaskValues",
    "Method",
    "Policy",
    "Segmenter",
    "Strategy",
    "TrackerName",
    "Views",
    "WhichFaces",
]

# data
MaskValues = Literal["auto", "classes", "binary"]
WhichFaces = Literal["largest", "centre", "all"]
Align = Literal["points", "box"]

# model
Geometry = Literal["square", "crop", "pad", "squash"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Method = Literal["knn", "centroid"]
Views = Literal[1, 2, 3, 6, 8]

# training
BoxDetector = Literal["fasterrcnn", "retinanet", "fcos", "ssd", "ssdlite"]
Segmenter = Literal[
    "unet", "unetplusplus", "manet", "linknet", "fpn", "pan", "deeplabv3plus", "upernet",
    "segformer",
]  # fmt: skip
Strategy = Literal["auto", "probe", "finetune", "scratch"]
Policy = Literal["none", "light", "standard", "strong"]
Flip = Literal["auto", "yes", "no"]
Balance = Literal["auto", "none", "weights", "oversample", "undersample", "logits"]

# measuring
EvaluationKind = Literal["auto", "holdout", "cv"]
Baselines = Literal["none", "standard", "full"]

# output
Layout = Literal["table", "csv"]
TrackerName = Literal["tensorboard", "mlflow", "wandb"]
