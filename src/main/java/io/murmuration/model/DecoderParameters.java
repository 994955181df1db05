package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * What a decoder pass computes with. Each array is either shared by the whole batch, in its own
 * shape, or expanded per slice, with the slices as leading dimension: autograd then leaves each
 * slice's gradient in its own part.
 */
interface DecoderParameters {

  /** A tensor of the checkpoint; weights of linear maps as (out, in), however they are stored. */
  NDArray tensor(String name);

  /** The low-rank update of a linear map, if it has one. */
  Optional<LoraFactors> lora(String module);
}
