"""What a trainer of Lightning is told of device and precision."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from torch.amp.grad_scaler import GradScaler

from gsv_lab.system.machine import pick_precision


def hardware(device: torch.device, precision: str) -> dict[str, Any]:
    """Arguments of the trainer. Tasks scale their losses themselves, see `gsv_lab.training.stepping`.

    Raises:
        ConfigError: PRECISION_UNKNOWN.
    """
    chosen = pick_precision(precision, device, ("32", "bf16", "fp16"))
    plugin: Precision = Precision()
    if chosen == "bf16":
        plugin = MixedPrecision("bf16-mixed", device.type)
    elif chosen == "fp16":
        plugin = MixedPrecision("16-mixed", device.type, GradScaler(device.type, enabled=False))
        if device.type == "cpu":
            warnings.warn("fp16 is made for GPUs: on a CPU a batch may take ten times as long as in 32", stacklevel=3)
    devices = [device.index or 0] if device.type == "cuda" else 1
    return {"accelerator": device.type, "devices": devices, "plugins": [plugin]}
