"""Trains a checkpoint's model on prepared patients: by one process, or by torchrun on any number of them.

python3 -m ct_multilabel_torch.train --shards shards --model best/model.json --weights weights.safetensors --out runs/torch
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .augment import apply_augmentation, draw_augmentation
from .loss import IGNORED_LABEL, asymmetric_loss
from .model import CtBrainModel, load_model
from .safetensors import read_safetensors, write_safetensors

Patient = Mapping[str, Any]


class Shards:
    """What `ct-multilabel prepare` wrote: an index, and a file of each patient."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index = folder, json.loads((folder / "index.json").read_text("utf-8"))
        received = [self.index.get("format"), self.index.get("formatVersion")]
        if received != ["ct-multilabel-shards", 1]:
            raise ValueError(f"{folder}: expected shards of version 1, received {received}")

    def side(self, name: str) -> list[Patient]:
        found = [patient for patient in self.index["patients"] if patient["side"] == name]
        if not found:
            raise ValueError(f"{self.folder}: expected patients to {name} on, found none")
        return found

    def load(self, patient: Patient, of_patients: bool) -> tuple[Tensor, Tensor]:
        """Images [1, slices, h, w, c], and labels of the slices [1, slices, labels] or of the patient [1, labels]."""
        stack = read_safetensors(self.folder / patient["file"])
        wanted = "patient_labels" if of_patients else "labels"
        if wanted not in stack:
            raise ValueError(f"{patient['name']}: expected labels of slices, found those of the patient alone")
        images = stack["images"]
        return (images / 255 if images.dtype == torch.uint8 else images)[None], stack[wanted][None]


def batches(patients: Sequence[Patient], size: int, world: int, seed: int, epoch: int) -> list[list[list[Patient]]]:
    """The epoch's batches in a random order; of each, every process's share, with about as many slices as the others'."""
    order = torch.randperm(len(patients), generator=torch.Generator().manual_seed(seed * 100003 + epoch))
    result = []
    for chosen in order.split(size):
        shares: list[list[Patient]] = [[] for _ in range(world)]
        for patient in sorted((patients[i] for i in chosen), key=lambda one: -int(one["slices"])):
            min(shares, key=lambda share: sum(one["slices"] for one in share)).append(patient)
        result.append(shares)
    return result


def best_f2(probabilities: Tensor, labels: Tensor) -> tuple[float, float]:
    """F2 of all labelled entries together at the threshold where it is largest, and that threshold."""
    kept = labels != IGNORED_LABEL
    y = labels[kept].double()
    if y.sum() == 0:
        raise ValueError("validation: expected an entry that has a label, found none")
    thresholds, place = probabilities[kept].double().unique(return_inverse=True)
    # from the highest threshold down: entries that reach it, and the positives among them
    reached, found = (torch.bincount(place, each).flip(0).cumsum(0) for each in (torch.ones_like(y), y))
    f2 = 5 * found / (4 * y.sum() + reached)
    best = int(f2.argmax())
    return float(f2[best]), float(thresholds.flip(0)[best])


class Trainer:
    def __init__(self, args: argparse.Namespace) -> None:
        self.world, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        cuda = torch.cuda.is_available()
        self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if self.world > 1:
            dist.init_process_group("nccl" if cuda else "gloo")
        if cuda:
            torch.cuda.set_device(self.device)
        self.args, self.shards = args, Shards(args.shards)
        self.model: CtBrainModel = load_model(args.model, args.weights).to(self.device)
        index, manifest = self.shards.index, self.model.manifest
        for what in ["labels", "preprocessing"]:
            if manifest[what] != index[what]:
                raise ValueError(f"{args.shards}: {what}: expected the model's, {manifest[what]}, received {index[what]}")
        self.net: nn.Module = self.model
        if self.world > 1:
            self.net = nn.parallel.DistributedDataParallel(self.model, broadcast_buffers=False)
        self.optimizer = torch.optim.Adam(self.model.parameters(), args.lr, eps=1e-7)
        # what a run that goes on must have in common with the one that began
        self.settings = {"shards": index["settings"], "model": manifest.get("model"), "batch": args.batch_size}
        self.settings.update(seed=args.seed, augment=args.augment, amp=args.amp)
        self.model.amp = args.amp
        self.history: list[dict[str, float]] = []
        self.sums: list[tuple[float, float]] = []  # loss and labelled entries of each batch of the epoch so far
        if args.resume:
            state = torch.load(args.out / "last.pt", map_location=self.device)
            if state["settings"] != self.settings:
                raise ValueError(f"--resume: expected the run's settings, {state['settings']}, received {self.settings}")
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history, self.sums = state["history"], state["sums"]

    def load(self, patient: Patient, augmented: bool = False) -> tuple[Tensor, Tensor]:
        images, labels = (tensor.to(self.device) for tensor in self.shards.load(patient, self.model.of_patients))
        if augmented and self.args.augment is not None:
            seed = f"{self.args.seed} {len(self.history)} {patient['name']}"  # whoever loads it, and when
            images = apply_augmentation(images[0], draw_augmentation(self.args.augment, seed))[None]
        return images, labels

    def step(self, shares: list[list[Patient]]) -> tuple[float, float]:
        """One step on a batch: the gradient of the mean loss over all its labelled entries, whoever computed them."""
        patients = [patient for share in shares for patient in share]
        # a process without a patient takes part with another's at no weight: DDP waits for everyone
        stacks, weight = (shares[self.rank], 1) if shares[self.rank] else (patients[:1], 0)
        self.optimizer.zero_grad()
        losses = torch.zeros(2, dtype=torch.float64, device=self.device)
        for i, patient in enumerate(stacks):
            images, labels = self.load(patient, augmented=True)
            waits = self.world > 1 and i < len(stacks) - 1
            with self.net.no_sync() if waits else nullcontext():  # type: ignore[operator]
                sums = weight * torch.stack(asymmetric_loss(labels, self.net(images)))
                sums[0].backward()
            losses += sums.detach()
        if self.world > 1:
            dist.all_reduce(losses)
        total, entries = losses.tolist()
        self.check_finite("loss", losses, patients)
        if entries > 0:
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter.grad *= self.world / entries  # DDP took the mean over the processes
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), math.inf)
            self.check_finite("gradient", norm, patients)
            self.optimizer.step()
        return total, entries

    def check_finite(self, what: str, values: Tensor, patients: Sequence[Patient]) -> None:
        """Before a weight is changed, or a score is made of it; every process has the same values, so that all of them end."""
        if not bool(torch.isfinite(values).all()):
            names = ", ".join(str(patient["name"]) for patient in patients)
            raise ValueError(f"epoch {len(self.history) + 1}: the {what} is not finite, on {names}; a smaller --lr may help")

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        found = torch.empty(2, 0)
        for patient in self.shards.side("validation")[self.rank :: self.world]:
            images, labels = self.load(patient)
            logits = self.model(images)
            self.check_finite("output", logits, [patient])
            found = torch.cat([found, torch.stack([torch.sigmoid(logits).flatten(), labels.flatten().float()]).cpu()], 1)
        everyones = [found] * self.world
        if self.world > 1:
            dist.all_gather_object(everyones, found)
        return best_f2(*torch.cat(everyones, 1))

    def save(self) -> None:
        """The files of an epoch that has ended, and the run's state, last: a run that is killed goes on with what had not ended."""
        out: Path = self.args.out
        if not self.sums:
            scores = [epoch["validation_f2"] for epoch in self.history]
            for name in ["last", "best"] if scores.index(max(scores)) == len(scores) - 1 else ["last"]:
                write_safetensors(out / f"{name}.safetensors", self.model.state_dict())
            with open(out / "history.csv", "w", newline="") as file:
                csv.writer(file).writerows([self.history[0], *(epoch.values() for epoch in self.history)])
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "settings": self.settings}
        torch.save({**state, "history": self.history, "sums": self.sums}, out / "last.pt.tmp")
        (out / "last.pt.tmp").replace(out / "last.pt")

    def run(self) -> None:
        patients = self.shards.side("train")
        for epoch in range(len(self.history), self.args.epochs):
            for shares in batches(patients, self.args.batch_size, self.world, self.args.seed, epoch)[len(self.sums) :]:
                self.sums.append(self.step(shares))
                if self.rank == 0 and self.args.checkpoint_steps and len(self.sums) % self.args.checkpoint_steps == 0:
                    self.save()
            loss = sum(total for total, _ in self.sums) / max(1, sum(count for _, count in self.sums))
            self.sums = []
            f2, threshold = self.validate()
            self.history.append({"epoch": epoch + 1, "loss": loss, "validation_f2": f2, "validation_threshold": threshold})
            if self.rank == 0:
                self.save()
                print(f"epoch {epoch + 1}: loss {loss:.5f}, validation F2 {f2:.4f} at {threshold:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True, help="what ct-multilabel prepare wrote")
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint's model.json")
    parser.add_argument("--weights", type=Path, required=True, help="what ct-multilabel export --format safetensors wrote")
    parser.add_argument("--out", type=Path, required=True, help="where weights, history and the run's state go")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=1e-5, help="Adam's step size")
    parser.add_argument("--batch-size", type=int, default=1, help="patients of a step, of all processes together")
    parser.add_argument("--seed", type=int, default=1, help="of the order of patients")
    parser.add_argument("--augment", type=json.loads, metavar="JSON", help="augment, from these ranges in place of the published recipe's ({})")
    parser.add_argument("--amp", action="store_true", help="compute the backbone in bfloat16")
    parser.add_argument("--checkpoint-steps", type=int, default=0, help="batches after which a run that is killed can go on within an epoch")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    args = parser.parse_args()
    if args.augment is not None:
        draw_augmentation(args.augment, "")  # refuses what it does not know
    if args.batch_size < 1 or args.epochs < 1:
        parser.error(f"--batch-size, --epochs: expected at least 1, received {args.batch_size} and {args.epochs}")
    if not args.resume and (args.out / "last.pt").exists():
        parser.error(f"--out: {args.out} holds a run; --resume goes on with it")
    trainer = Trainer(args)
    args.out.mkdir(parents=True, exist_ok=True)
    trainer.run()
    if trainer.world > 1:
        # without destructors: a thread of gloo may hold a last tensor, for whose release it waits for the interpreter,
        # which would wait for the thread
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
