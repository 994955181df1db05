package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Negative log likelihood of the targets of a batch, in nats, piece by piece: the logits of a whole
 * batch over a vocabulary of 150,000 would be larger than the model.
 */
final class TokenLosses {

  /** Memory of a piece, where nobody says how much it may take. */
  static final long DEFAULT_PIECE_BYTES = 64L << 20;

  /** Log probabilities, their gradient, and that of the logits. */
  private static final int ARRAYS = 3;

  /** Bounded logits: the tangent, its multiple, and the gradient on its way. */
  private static final int ARRAYS_OF_A_CAP = 3;

  private final LanguageModel model;
  private final DecoderParameters parameters;
  private final TokenBatch batch;
  private final long pieceBytes;

  /**
   * @param pieceBytes about how much memory a piece may take; at least one column of the batch is
   *     one
   */
  TokenLosses(
      LanguageModel model, DecoderParameters parameters, TokenBatch batch, long pieceBytes) {
    this.model = model;
    this.parameters = parameters;
    this.batch = batch;
    this.pieceBytes = pieceBytes;
  }

  /**
   * Hidden states and the targets that are predicted from them.
   *
   * @param states (groups, columns, hidden); one group for all where the head is shared, else one
   *     for each slice
   * @param targets indices into the batch's
   * @param rows of those targets, flat over groups × columns
   */
  private record Grid(NDArray states, int[] targets, long[] rows) {

    long groups() {
      return states.getShape().get(0);
    }

    long columns() {
      return states.getShape().get(1);
    }
  }

  /** Losses by target; nothing is kept for gradients. */
  float[] evaluate() {
    long sequences = (long) batch.slices() * batch.sequences();
    return evaluate(model.decoder().positionsAtATime(sequences, batch.positions()));
  }

  /**
   * The same.
   *
   * @param width positions of all sequences that run at a time
   */
  float[] evaluate(int width) {
    float[] losses = new float[batch.targets()];
    int all = batch.positions();
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager step = model.manager().newSubManager();
        AttentionCache cache = new AttentionCache(step)) {
      scope.suppressNotUsedWarning();
      for (int first = 0; first < all; first += width) {
        int end = Math.min(first + width, all);
        try (NDScope part = new NDScope()) {
          part.suppressNotUsedWarning();
          NDArray ids = ids(step, first, end);
          NDArray hidden =
              width >= all
                  ? model.decoder().hidden(step, ids, parameters, batch.lengths())
                  : model.decoder().continued(step, ids, parameters, cache, batch.lengths());
          for (Grid piece : pieces(grid(step, hidden, first, end))) {
            try (NDScope inner = new NDScope()) {
              inner.suppressNotUsedWarning();
              note(of(step, piece), piece, losses);
            }
          }
        }
      }
    }
    return losses;
  }

  /**
   * Losses by target; adds to the gradient of each leaf that of the losses' sum weighted by {@link
   * TokenBatch#meanWeights()}.
   */
  float[] backward() {
    float[] losses = new float[batch.targets()];
    try (Torch.GradMode on = Torch.withGradients();
        NDScope scope = new NDScope();
        NDManager step = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      int end = batch.positions();
      NDArray hidden = model.decoder().hidden(step, ids(step, 0, end), parameters, batch.lengths());
      Grid grid = grid(step, hidden, 0, end);
      // first backward from each piece's losses to its states, which frees the logits
      Grid leaves = new Grid(grid.states().stopGradient(), grid.targets(), grid.rows());
      NDList gradients = new NDList();
      for (Grid piece : pieces(leaves)) {
        gradients.add(Tensors.alone(() -> gradient(step, piece, losses)));
      }
      NDArray gradient = gradients.size() == 1 ? gradients.get(0) : NDArrays.concat(gradients, 1);
      Torch.backward(grid.states(), gradient);
    }
    return losses;
  }

  /** The gradient of the weighted losses of a piece, by its states. */
  private NDArray gradient(NDManager step, Grid piece, float[] losses) {
    NDArray leaf = piece.states();
    if (piece.targets().length == 0) {
      return leaf.zerosLike();
    }
    leaf.setRequiresGradient(true);
    NDArray found = of(step, piece);
    float[] weights = new float[piece.targets().length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = batch.meanWeights()[piece.targets()[i]];
    }
    Torch.backward(found, Tensors.floats(step, weights, weights.length));
    note(found, piece, losses);
    return leaf.getGradient();
  }

  private static void note(NDArray found, Grid piece, float[] losses) {
    float[] values = Tensors.floats(found);
    for (int i = 0; i < values.length; i++) {
      losses[piece.targets()[i]] = values[i];
    }
  }

  /** Losses of the targets of a piece. */
  private NDArray of(NDManager step, Grid piece) {
    int count = piece.targets().length;
    NDArray logProbabilities =
        Tensors.alone(
            () -> {
              NDArray logits = model.decoder().logits(piece.states(), parameters);
              NDArray flat = logits.reshape(-1, model.description().vocabularySize());
              boolean inOrder =
                  Arrays.equals(
                      piece.rows(),
                      LongStream.range(0, piece.groups() * piece.columns()).toArray());
              return (inOrder ? flat : Tensors.rows(flat, Tensors.longs(step, piece.rows(), count)))
                  .logSoftmax(-1);
            });
    long[] ids = Arrays.stream(piece.targets()).mapToLong(i -> batch.targetIds()[i]).toArray();
    return logProbabilities.gather(Tensors.longs(step, ids, count, 1), 1).reshape(-1).neg();
  }

  /**
   * The grid of some positions of all sequences.
   *
   * @param hidden (slices, sequences · positions, hidden) of those positions
   */
  private Grid grid(NDManager step, NDArray hidden, int first, int end) {
    int all = batch.positions();
    int[] targets =
        IntStream.range(0, batch.targets())
            .filter(i -> batch.rows()[i] % all >= first && batch.rows()[i] % all < end)
            .toArray();
    long[] rows =
        Arrays.stream(targets)
            .mapToLong(i -> batch.rows()[i])
            .map(row -> row / all * (end - first) + row % all - first)
            .toArray();
    if (!model.decoder().sharesHead(parameters)) {
      return new Grid(hidden, targets, rows);
    }
    int width = model.description().hiddenSize();
    NDArray chosen =
        Tensors.rows(hidden.reshape(-1, width), Tensors.longs(step, rows, rows.length));
    return new Grid(chosen.expandDims(0), targets, LongStream.range(0, rows.length).toArray());
  }

  /** Cuts a grid by columns. */
  private List<Grid> pieces(Grid grid) {
    boolean capped = model.description().scales().logitCap().isPresent();
    long columnBytes =
        (long) (capped ? ARRAYS + ARRAYS_OF_A_CAP : ARRAYS)
            * Float.BYTES
            * grid.groups()
            * model.description().vocabularySize();
    long width = Math.max(1, pieceBytes / columnBytes);
    List<Grid> pieces = new ArrayList<>();
    for (long first = 0; first < grid.columns(); first += width) {
      pieces.add(columns(grid, first, Math.min(first + width, grid.columns())));
    }
    return pieces;
  }

  private static Grid columns(Grid grid, long first, long end) {
    long all = grid.columns();
    int[] inside =
        IntStream.range(0, grid.targets().length)
            .filter(i -> grid.rows()[i] % all >= first && grid.rows()[i] % all < end)
            .toArray();
    return new Grid(
        grid.states().get(new NDIndex(":, {}:{}", first, end)),
        Arrays.stream(inside).map(i -> grid.targets()[i]).toArray(),
        Arrays.stream(inside)
            .mapToLong(i -> grid.rows()[i])
            .map(row -> row / all * (end - first) + row % all - first)
            .toArray());
  }

  /** Input ids of some positions, (slices, sequences, positions). */
  private NDArray ids(NDManager step, int first, int end) {
    int all = batch.positions();
    int width = end - first;
    int sequences = batch.slices() * batch.sequences();
    long[] part = new long[sequences * width];
    for (int i = 0; i < sequences; i++) {
      System.arraycopy(batch.ids(), i * all + first, part, i * width, width);
    }
    return Tensors.longs(step, part, batch.slices(), batch.sequences(), width);
  }
}
