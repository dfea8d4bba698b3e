"""The loop of PyTorch's transfer-learning tutorial ("Finetuning the ConvNet"), on a given split.

Knows nothing of Headstart. The tutorial's own transforms, optimiser, schedule and batch of 4, all
layers learning; only the network and its normalisation are those of the given weights. Trains on
DATA/train (class folders), predicts DATA/test once with the last epoch's weights, and writes one
JSON file. The tutorial tests after every epoch and keeps the best epoch of that same test; here
nothing is chosen on the test set, and leaving those tests out is in the tutorial's favour: it
saves time.

    python benchmarks/peers/tutorial_loop.py DATA --weights FOLDER --out FILE [--epochs 25]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="folder in timm's layout")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--epochs", type=int, default=5, help="the tutorial has 25")
    parser.add_argument("--size", type=int, default=224, help="224 is the tutorial's")
    parser.add_argument("--batch-size", type=int, default=4, help="4 is the tutorial's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="this many images per split (smoke test)")
    args = parser.parse_args()

    begun = time.monotonic()
    import timm
    import torch
    from torch import nn, optim
    from torch.utils.data import DataLoader, Subset
    from torchvision import datasets, transforms

    imported = time.monotonic()
    torch.manual_seed(args.seed)
    train = datasets.ImageFolder(args.data / "train")
    test = datasets.ImageFolder(args.data / "test")
    if train.classes != test.classes:
        parser.error(f"{args.data}: train and test do not have the same classes")
    model = timm.create_model(
        f"local-dir:{args.weights}", pretrained=True, num_classes=len(train.classes)
    )
    config = timm.data.resolve_model_data_config(model)
    as_tensor = [transforms.ToTensor(), transforms.Normalize(config["mean"], config["std"])]
    train.transform = transforms.Compose(
        [transforms.RandomResizedCrop(args.size), transforms.RandomHorizontalFlip(), *as_tensor]
    )
    test.transform = transforms.Compose(
        [transforms.Resize(args.size * 256 // 224), transforms.CenterCrop(args.size), *as_tensor]
    )

    def loader(images: datasets.ImageFolder, *, shuffle: bool) -> DataLoader:
        # The tutorial has 4 workers; more than there are processors would only be in its way.
        workers = min(4, os.cpu_count() or 1)
        count = len(images)
        if args.limit and count > args.limit:
            images = Subset(images, [i * count // args.limit for i in range(args.limit)])
        return DataLoader(images, batch_size=args.batch_size, shuffle=shuffle, num_workers=workers)

    criterion = nn.CrossEntropyLoss()
    optimiser = optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.1)
    batches = loader(train, shuffle=True)
    seen, training = 0, time.monotonic()
    model.train()
    for _ in range(args.epochs):
        for inputs, labels in batches:
            optimiser.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimiser.step()
            seen += len(labels)
        scheduler.step()
    fitted = time.monotonic()

    model.eval()
    batches = loader(test, shuffle=False)
    guesses: list[int] = []
    with torch.inference_mode():
        for inputs, _ in batches:
            guesses += model(inputs).argmax(dim=1).tolist()
    chosen = getattr(batches.dataset, "indices", range(len(test)))
    args.out.write_text(
        json.dumps(
            {
                "peer": f"PyTorch tutorial's loop, {args.epochs} epochs, batch {args.batch_size}",
                "versions": {"timm": timm.__version__, "torch": torch.__version__},
                "seconds": {
                    "imports": imported - begun,
                    "fit": fitted - imported,
                    "test": time.monotonic() - fitted,
                },
                "images_per_second": seen / (fitted - training) if seen else None,
                "predictions": [
                    {
                        "name": Path(test.samples[i][0]).relative_to(args.data).as_posix(),
                        "truth": test.classes[test.samples[i][1]],
                        "predicted": test.classes[guess],
                    }
                    for i, guess in zip(chosen, guesses, strict=True)
                ],
            }
        )
    )


if __name__ == "__main__":
    main()
