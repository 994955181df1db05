package io.murmuration.training;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.CohortRecordSerializer;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.training.ParameterStore.Key;
import io.murmuration.training.WorkerRounds.Begun;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.core.memory.DataInputViewStreamWrapper;
import org.apache.flink.core.memory.DataOutputViewStreamWrapper;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.io.disk.iomanager.IOManager;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperatorFactory;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * One of the workers that add up a round's clipped gradients, or its histograms: {@code gradients},
 * of any parallelism.
 *
 * <p>First input: what samplers send, all records of a user to the same worker; its watermarks say
 * that samples are complete. Second input: the privacy budget's signals, broadcast. Output: for
 * every granted tick one partial sum in chunks, before the watermark of the tick.
 *
 * <p>A round is summed up on a thread of the worker's own, from the moment that its grant is there,
 * in micro-batches as samples arrive. Input never waits for that thread: see {@link SampleSpool}.
 * Chunks leave one a mail, so that barriers pass between them. Which round at which model, and when
 * time goes on, is {@link WorkerRounds}' affair.
 *
 * <p><b>State</b>: the last epoch seen, as union list state restored by maximum, so that the number
 * of workers may change. A round that is summed up when a snapshot is taken is not part of it:
 * after a restore it is void, charged and never executed.
 *
 * <p>Long because it owns all of the operator's Flink state; the rules are in the classes that it
 * calls.
 */
public final class GradientOperator extends AbstractStreamOperator<PartialSum>
    implements TwoInputStreamOperator<CohortRecord, BudgetSignal, PartialSum> {

  private static final long serialVersionUID = 1L;

  /**
   * A shared file system may show a file late; a model that is not there after a minute is not
   * coming.
   */
  private static final Duration PARAMETER_PATIENCE = Duration.ofSeconds(60);

  /** Records that are looked at together, so that micro-batches are of similar lengths. */
  private static final int POOL = 512;

  private static final ListStateDescriptor<Long> LAST_EPOCH =
      new ListStateDescriptor<>("last-epoch", LongSerializer.INSTANCE);

  private final transient GradientSource.Factory sources;
  private final transient ParameterStore.Factory parameterStores;
  private final long spoolBytes;
  private final boolean privateMetrics;
  private final transient TaskThread taskThread;

  private transient ListState<Long> lastEpoch;
  private transient WorkerRounds rounds;
  private transient Map<Long, SampleSpool> spoolsByTick;
  private transient GradientSource source;
  private transient GradientEngine engine;
  private transient PublicWatch watch;
  private transient float[] frozen;
  private transient ParameterReader parameters;
  private transient ParameterReader frozenValues;
  private transient RoundWorker worker;

  /** Whether a round was granted in this attempt. */
  private transient boolean begun;

  /** Why no gradients can be taken at a model, while that need not be known; on the worker. */
  private transient Failed failed;

  private transient GradientMetrics gradientMetrics;

  private record Failed(ModelVersion model, PublicFaultException fault) {}

  private GradientOperator(StreamOperatorParameters<PartialSum> parameters, Factory settings) {
    super(parameters);
    this.sources = settings.sources;
    this.parameterStores = settings.parameterStores;
    this.spoolBytes = settings.spoolBytes;
    this.privateMetrics = settings.privateMetrics;
    MailboxExecutor mailbox = parameters.getMailboxExecutor();
    this.taskThread =
        new TaskThread((mail, description) -> mailbox.execute(mail::run, description));
  }

  /** Makes the operator; pass it to {@code transform}. */
  public static final class Factory extends AbstractStreamOperatorFactory<PartialSum>
      implements TwoInputStreamOperatorFactory<CohortRecord, BudgetSignal, PartialSum> {

    private static final long serialVersionUID = 1L;

    private final GradientSource.Factory sources;
    private final ParameterStore.Factory parameterStores;
    private final long spoolBytes;
    private final boolean privateMetrics;

    /**
     * @param sources loads the base model on the task manager
     * @param parameterStores where train puts parameters
     * @param spoolBytes how much text of a round waits in memory, before it goes to a file
     * @param privateMetrics whether exact functions of private data become metrics
     */
    public Factory(
        GradientSource.Factory sources,
        ParameterStore.Factory parameterStores,
        long spoolBytes,
        boolean privateMetrics) {
      this.sources = sources;
      this.parameterStores = parameterStores;
      this.spoolBytes = spoolBytes;
      this.privateMetrics = privateMetrics;
    }

    @Override
    @SuppressWarnings("unchecked") // the factory's contract: T is this factory's operator type
    public <T extends StreamOperator<PartialSum>> T createStreamOperator(
        StreamOperatorParameters<PartialSum> parameters) {
      return (T) new GradientOperator(parameters, this);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
      return GradientOperator.class;
    }
  }

  // ---- life cycle ----

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    lastEpoch = context.getOperatorStateStore().getUnionListState(LAST_EPOCH);
    long epoch = 0;
    for (long seen : lastEpoch.get()) {
      epoch = Math.max(epoch, seen);
    }
    rounds = new WorkerRounds(epoch);
  }

  @Override
  public void open() throws Exception {
    super.open();
    gradientMetrics = new GradientMetrics(getMetricGroup(), privateMetrics);
    spoolsByTick = new TreeMap<>();
    // before anything that can fail: from here on closing frees what there is
    worker = new RoundWorker(this::freeSource);
    try {
      source = sources.open();
    } catch (IllegalArgumentException e) {
      throw new SuppressRestartsException(e);
    }
    ParameterStore store = parameterStores.open();
    parameters = new ParameterReader(store, PARAMETER_PATIENCE);
    frozenValues = new ParameterReader(store, PARAMETER_PATIENCE);
  }

  /** Closes it on the worker's thread, or where that never began, on the task's. */
  private void freeSource() {
    if (source != null) {
      source.close();
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    lastEpoch.update(List.of(rounds.lastEpoch()));
  }

  @Override
  public void close() throws Exception {
    try {
      if (worker != null) {
        worker.close();
      }
    } finally {
      try {
        closeSpools();
      } finally {
        super.close();
      }
    }
  }

  private void closeSpools() throws IOException {
    if (spoolsByTick != null) {
      for (SampleSpool spool : spoolsByTick.values()) {
        spool.close();
      }
      spoolsByTick.clear();
    }
  }

  // ---- samples ----

  @Override
  public void processElement1(StreamRecord<CohortRecord> element) throws Exception {
    CohortRecord record = element.getValue();
    if (rounds.isStale(record)) {
      gradientMetrics.staleSample();
    } else {
      spool(record.tick()).add(record);
    }
  }

  private SampleSpool spool(long tick) {
    return spoolsByTick.computeIfAbsent(
        tick, key -> new SampleSpool(spoolBytes, new Records(), this::spillFile));
  }

  private java.nio.file.Path spillFile() {
    IOManager io = getContainingTask().getEnvironment().getIOManager();
    return io.createChannel().getPathFile().toPath();
  }

  /** Records as they travel between tasks. */
  private static final class Records implements SampleSpool.Format {
    private final CohortRecordSerializer serializer = new CohortRecordSerializer();

    @Override
    public void write(CohortRecord record, OutputStream out) throws IOException {
      serializer.serialize(record, new DataOutputViewStreamWrapper(out));
    }

    @Override
    public CohortRecord read(InputStream in) throws IOException {
      return serializer.deserialize(new DataInputViewStreamWrapper(in));
    }
  }

  // ---- the budget's signals ----

  @Override
  public void processElement2(StreamRecord<BudgetSignal> element) {
    BudgetSignal signal = element.getValue();
    if (signal instanceof EpochStart start) {
      rounds.onEpochStart(start);
    } else if (signal instanceof ModelVersion model) {
      if (rounds.onModel(model)) {
        boolean mayBeWithdrawn = begun;
        worker.execute(() -> prepare(model, mayBeWithdrawn));
      }
    } else if (signal instanceof Grant grant) {
      rounds.onGrant(grant).ifPresent(this::begin);
    }
  }

  private void begin(Begun round) {
    begun = true;
    SampleSpool spool = spool(round.grant().tick());
    worker.execute(() -> sum(round, spool));
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    for (Grant grant : rounds.onWatermark(mark.getTimestamp())) {
      spool(grant.tick()).complete();
    }
    sendWatermark();
  }

  private void sendWatermark() throws Exception {
    var watermark = rounds.watermark();
    if (watermark.isPresent()) {
      forgetSpools(watermark.getAsLong());
      super.processWatermark(new Watermark(watermark.getAsLong()));
    }
  }

  /** Forgets ticks that are over: rounds whose partial has left, and what nobody granted. */
  private void forgetSpools(long tick) throws IOException {
    for (Iterator<Map.Entry<Long, SampleSpool>> spools = spoolsByTick.entrySet().iterator();
        spools.hasNext(); ) {
      Map.Entry<Long, SampleSpool> entry = spools.next();
      if (entry.getKey() <= tick) {
        entry.getValue().close();
        spools.remove();
      }
    }
  }

  // ---- the worker's thread ----

  /**
   * While train tries the model, or the next round is being charged: the parameters are fetched and
   * verified, and this machine shows that it can compute with them, before anybody's text is given
   * up for it. What train tries in this very process is not tried again.
   *
   * @param mayBeWithdrawn whether train is trying the model meanwhile: where it fails on all
   *     machines training halts, and that it fails here ends the attempt only once a round is
   *     granted at it
   */
  private void prepare(ModelVersion model, boolean mayBeWithdrawn) {
    try {
      engine(model);
      float[] values = parameters.of(Key.ofParameters(model));
      if (!TriedModels.passed(model)) {
        watch.beforeGradients(model.round(), values);
      }
    } catch (RoundInterruptedException | InterruptedException ending) {
      Thread.currentThread().interrupt();
      LOG.info("The model after round {} is not needed: the task ended", model.round());
    } catch (PublicFaultException fault) {
      failed = new Failed(model, fault);
      if (!mayBeWithdrawn) {
        taskThread.fail(
            "Gradients cannot be taken at the model after round " + model.round(), fault);
      }
    } catch (Throwable failure) { // handed to the task's thread, which fails the task with it
      taskThread.fail(
          "Gradients cannot be taken at the model after round " + model.round(), failure);
    }
  }

  private void sum(Begun round, SampleSpool spool) {
    Grant grant = round.grant();
    try {
      if (failed != null && failed.model().equals(round.model())) {
        throw failed.fault();
      }
      CohortSummation summation =
          new CohortSummation(
              engine(round.model()), parameters.of(Key.ofParameters(round.model())), grant);
      long samples = 0;
      long nanos = 0;
      for (List<CohortRecord> records = spool.take(POOL);
          !records.isEmpty();
          records = spool.take(POOL)) {
        nanos += add(records, summation);
        samples += records.size();
      }
      ClippedSum sum = summation.result();
      gradientMetrics.summed(grant.round(), samples, spool.spilled(), nanos, sum.tokens());
      Iterator<PartialSum> chunks =
          PartialSum.of(
              grant.epoch(),
              grant.round(),
              getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(),
              getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks(),
              round.model().digest(),
              sum);
      taskThread.run(() -> send(grant, chunks), "Partial sum of round " + grant.round());
    } catch (RoundInterruptedException | InterruptedException ending) {
      Thread.currentThread().interrupt();
      LOG.info("Round {} is void: its task ended while it was summed up", grant.round());
    } catch (Throwable failure) { // handed to the task's thread, which fails the task with it
      taskThread.fail("Round " + grant.round() + " could not be summed up", failure);
    }
  }

  /**
   * Takes gradients.
   *
   * @return how long that took
   */
  private long add(List<CohortRecord> records, CohortSummation summation) {
    long start = System.nanoTime();
    gradientMetrics.begins();
    try {
      summation.add(records);
    } finally {
      gradientMetrics.ends();
    }
    return System.nanoTime() - start;
  }

  private GradientEngine engine(ModelVersion model) throws IOException, InterruptedException {
    float[] wanted = frozenValues.of(Key.ofFrozen(model));
    if (engine == null || wanted != frozen) {
      engine = source.engine(wanted);
      watch = source.watch(engine);
      frozen = wanted;
    }
    return engine;
  }

  /** Sends, on the task's thread, one chunk a mail. */
  private void send(Grant grant, Iterator<PartialSum> chunks) throws Exception {
    output.collect(new StreamRecord<>(chunks.next()));
    if (chunks.hasNext()) {
      taskThread.run(() -> send(grant, chunks), "Partial sum of round " + grant.round());
    } else {
      rounds.left(grant);
      sendWatermark();
    }
  }
}
