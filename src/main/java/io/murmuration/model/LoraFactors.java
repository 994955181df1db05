package io.murmuration.model;

import ai.djl.ndarray.NDArray;

/**
 * Low-rank update of a linear map: y += scale · (x Aᵀ) Bᵀ.
 *
 * @param a (rank, in), or one per slice: (slices, rank, in)
 * @param b (out, rank), or one per slice: (slices, out, rank)
 * @param scale a constant in torch memory
 */
record LoraFactors(NDArray a, NDArray b, NDArray scale) {}
