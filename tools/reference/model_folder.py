# SPDX-License-Identifier: MIT
"""Reads and writes model folders in the Hugging Face VideoMAEForVideoClassification layout.

Beside the usual keys, config.json carries {"sta": {"sample_interval": "1/10"}}: the seconds between two frames.
preprocessor_config.json carries {"sta": {"antialias": true}}: the kind of resizing the model was trained with.
"""

import fractions
import json
import os

import numpy as np
import torch

from reference.safetensors import load_safetensors, save_safetensors
from reference.sta_model import Geometry, VideoClassifier

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_BLOCK_NAMES = {
    "layernorm_before": "layernorm_before", "layernorm_after": "layernorm_after", "intermediate": "intermediate.dense",
    "output": "output.dense", "attention_output": "attention.output.dense", "query": "attention.attention.query",
    "key": "attention.attention.key", "value": "attention.attention.value", "q_bias": "attention.attention.q_bias",
    "v_bias": "attention.attention.v_bias"}


def layout_name(name):
    """Name of one of VideoClassifier's parameters in the folder's layout."""
    parts = name.split(".")
    if parts[0] == "projection":
        return "videomae.embeddings.patch_embeddings." + name
    if parts[0] == "blocks":
        return ".".join(["videomae.encoder.layer", parts[1], _BLOCK_NAMES[parts[2]]] + parts[3:])
    return name


def save_folder(folder, model, labels, interval, antialias=True):
    """Write config.json, preprocessor_config.json and model.safetensors."""
    g = model.geometry
    os.makedirs(folder, exist_ok=True)
    tensors = {layout_name(n): p.detach().float().cpu().numpy() for n, p in model.named_parameters()}
    save_safetensors(os.path.join(folder, "model.safetensors"), tensors, {"format": "pt"})
    config = {
        "architectures": ["VideoMAEForVideoClassification"], "model_type": "videomae", "hidden_size": g.channels,
        "num_hidden_layers": g.depth, "num_attention_heads": g.heads, "intermediate_size": g.hidden, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02, "layer_norm_eps": g.eps,
        "image_size": g.image, "patch_size": g.patch, "num_channels": 3, "num_frames": g.frames, "tubelet_size": g.tubelet,
        "qkv_bias": True, "use_mean_pooling": True, "norm_pix_loss": False, "problem_type": "single_label_classification",
        "id2label": {str(i): name for i, name in enumerate(labels)}, "label2id": {name: i for i, name in enumerate(labels)},
        "torch_dtype": "float32", "sta": {"sample_interval": interval}}
    preprocessor = {
        "image_processor_type": "VideoMAEImageProcessor", "do_resize": True, "size": {"shortest_edge": g.image}, "resample": 2,
        "do_center_crop": True, "crop_size": {"height": g.image, "width": g.image}, "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": list(MEAN), "image_std": list(STD), "sta": {"antialias": antialias}}
    for name, content in (("config.json", config), ("preprocessor_config.json", preprocessor)):
        with open(os.path.join(folder, name), "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")


def load_folder(folder):
    """(model, labels, seconds between frames) of a folder written by save_folder or by Hugging Face."""
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
    geometry = Geometry(config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"], config["intermediate_size"],
                        config["image_size"], config["patch_size"], config["num_frames"], config["tubelet_size"], len(labels),
                        config["layer_norm_eps"])
    model = VideoClassifier(geometry)
    tensors = load_safetensors(os.path.join(folder, "model.safetensors"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(tensors[layout_name(name)].astype(np.float32)))
    interval = config.get("sta", {}).get("sample_interval")
    return model.eval(), labels, float(fractions.Fraction(interval)) if interval else None


def normalise(clips):
    """uint8 [B, F, S, S, 3] -> float [B, F, 3, S, S], ImageNet mean and deviation."""
    x = clips.permute(0, 1, 4, 2, 3).float()
    mean, std = (torch.tensor(v).view(1, 1, 3, 1, 1) * 255 for v in (MEAN, STD))
    return (x - mean) / std
