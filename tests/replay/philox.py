"""The random numbers of docs/reproducibility.md: Philox4x32-10, uniforms and normals."""

import numpy as np

INITIAL_WEIGHTS, SHUFFLE, AUGMENTATION, TRAINING_NOISE, TEST_NOISE, SUBSET = 1, 2, 3, 4, 5, 6
LOW, SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


def blocks(key, purpose, epoch, index, block):
    """Words [..., 4] of the blocks; `index` and `block` may be arrays."""
    c = [np.asarray(a, dtype=np.uint64) for a in np.broadcast_arrays(block, index, epoch, purpose)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> SHIFT) ^ c[1] ^ np.uint64(k0), p1 & LOW, (p0 >> SHIFT) ^ c[3] ^ np.uint64(k1), p0 & LOW]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=-1)


def words(key, purpose, epoch, index, count):
    """The first `count` words of the stream of each index: [..., count]."""
    index = np.asarray(index)[..., None]
    found = blocks(key, purpose, epoch, index, np.arange((count + 3) // 4))
    return found.reshape(*found.shape[:-2], -1)[..., :count]


def uniforms(drawn):
    return (drawn.astype(np.float64) + 0.5) / 2.0**32


def normals(key, purpose, epoch, index, count):
    """Normals of each index, float32: [..., count]."""
    u = uniforms(words(key, purpose, epoch, index, count + count % 2))
    radius, angle = np.sqrt(-2 * np.log(u[..., 0::2])), 2 * np.pi * u[..., 1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.reshape(*u.shape)[..., :count].astype(np.float32)


def sorted_by_draw(indices, key, purpose, epoch):
    """By (word 0, index)."""
    return indices[np.lexsort((indices, words(key, purpose, epoch, indices, 1)[..., 0]))]
