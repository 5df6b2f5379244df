# SPDX-License-Identifier: MIT
"""A teacher for trainings with stillness: the model as it was before. What it says of whole clips is what the new
weights shall say when they see only the tokens that change. So windows between two classes, which have no label, teach
too."""

import torch
import torch.nn.functional as functional

from reference.model_folder import load_folder, normalise


def hold_some(clips, labels, generator, share=0.5):
    """Holds the first or the last frame for 2 to 12 frames in a `share` of the clips uint8 [B, F, S, S, 3], as a scene
    in which a motion begins or ends. Returns new clips and labels [B]; a clip that was changed has the label -100,
    which cross_entropy leaves out."""
    clips, labels = clips.clone(), labels.clone()
    for i in range(len(clips)):
        chance, where, length = torch.rand(3, generator=generator).tolist()
        if chance >= share:
            continue
        count = 2 + int(length * 11)
        if where < 0.5:
            clips[i, :count] = clips[i, count]
        else:
            clips[i, -count:] = clips[i, -count - 1]
        labels[i] = -100
    return clips, labels


class Teacher:
    """The model of a folder, not trained."""

    def __init__(self, folder):
        self.model = load_folder(folder)[0].eval()

    def loss(self, logits, clips):
        """How far logits [B, classes] are from what the teacher says of the whole clips uint8 [B, F, S, S, 3]: the
        Kullback-Leibler divergence in nats, mean of the clips."""
        with torch.no_grad():
            told = self.model(normalise(clips)).log_softmax(1)
        return functional.kl_div(logits.log_softmax(1), told, reduction="batchmean", log_target=True)
