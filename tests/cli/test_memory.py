# SPDX-License-Identifier: MIT
# Checks that a model is in memory only once while it is loaded. One process reads a ViT-B of 346 MB in VideoMAE's
# names, one in Hugging Face's names (whose three projections are joined). Each may hold at most 1.3 times that size
# more than a process that loads a model of a few kilobytes.
#
#   test_memory.py STA MODEL
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile

CHANNELS, DEPTH, CLASSES = 768, 12, 400


def tensors(hugging_face):
    """Names and shapes of a ViT-B."""
    c = CHANNELS
    if not hugging_face:
        yield from {'patch_embed.proj.weight': [c, 3, 2, 16, 16], 'patch_embed.proj.bias': [c], 'fc_norm.weight': [c], 'fc_norm.bias': [c], 'head.weight': [CLASSES, c],
                    'head.bias': [CLASSES]}.items()
        parts = {'norm1.weight': [c], 'norm1.bias': [c], 'norm2.weight': [c], 'norm2.bias': [c], 'attn.qkv.weight': [3 * c, c], 'attn.q_bias': [c], 'attn.v_bias': [c],
                 'attn.proj.weight': [c, c], 'attn.proj.bias': [c], 'mlp.fc1.weight': [4 * c, c], 'mlp.fc1.bias': [4 * c], 'mlp.fc2.weight': [c, 4 * c], 'mlp.fc2.bias': [c]}
        prefix = 'blocks.'
    else:
        yield from {'videomae.embeddings.patch_embeddings.projection.weight': [c, 3, 2, 16, 16], 'videomae.embeddings.patch_embeddings.projection.bias': [c], 'fc_norm.weight': [c],
                    'fc_norm.bias': [c], 'classifier.weight': [CLASSES, c], 'classifier.bias': [CLASSES]}.items()
        parts = {'layernorm_before.weight': [c], 'layernorm_before.bias': [c], 'layernorm_after.weight': [c], 'layernorm_after.bias': [c],
                 'attention.attention.query.weight': [c, c], 'attention.attention.key.weight': [c, c], 'attention.attention.value.weight': [c, c],
                 'attention.attention.q_bias': [c], 'attention.attention.v_bias': [c], 'attention.output.dense.weight': [c, c], 'attention.output.dense.bias': [c],
                 'intermediate.dense.weight': [4 * c, c], 'intermediate.dense.bias': [4 * c], 'output.dense.weight': [c, 4 * c], 'output.dense.bias': [c]}
        prefix = 'videomae.encoder.layer.'
    for i in range(DEPTH):
        for name, shape in parts.items():
            yield f'{prefix}{i}.{name}', shape


def write(path, hugging_face):
    """A file of zeros, which takes no space on the disk; returns the size of the weights."""
    header, at = {}, 0
    for name, shape in tensors(hugging_face):
        count = 4
        for n in shape:
            count *= n
        header[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [at, at + count]}
        at += count
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        file.truncate(8 + len(text) + at)
    return at


def peak(command):
    """The peak memory of a new process, bytes."""
    child = os.fork()
    if child == 0:
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        os.write(pipe[1], struct.pack('<qq', done.returncode, used))
        os._exit(0)
    status, used = struct.unpack('<qq', os.read(pipe[0], 16))
    os.waitpid(child, 0)
    if status != 0:
        sys.exit(f'{" ".join(command)}: exit status {status}')
    return used * 1024


pipe = os.pipe()


def main():
    sta, model = sys.argv[1:]
    options = ['--precision', 'fp32', '--device', 'cpu']
    nothing = peak([sta, 'info', model, *options])
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, hugging_face in (('videomae', False), ('hugging_face', True)):
            file = os.path.join(folder, name + '.safetensors')
            weights = write(file, hugging_face)
            share = (peak([sta, 'info', file, *options]) - nothing) / weights
            print(f'{name}: {weights / 1e6:.0f} MB of weights, {share:.2f} times as much memory at most')
            failed |= not 0.9 < share <= 1.3
    sys.exit('a model is in memory more than once' if failed else 0)


if __name__ == '__main__':
    main()
