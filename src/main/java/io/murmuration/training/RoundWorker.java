package io.murmuration.training;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread on which rounds are trained, and the owner of what they use: what is to be freed is
 * freed when the last piece of work has ended, however long that takes and whoever still waits for
 * it. Native code must never lose its memory while it runs, and its memory must never stay behind:
 * a task manager that outlives some attempts of a job would be killed for it.
 */
final class RoundWorker implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(RoundWorker.class);

  /**
   * How long closing waits for the micro-batch under way, which native code does not let interrupt.
   * Below Flink's task.cancellation.timeout of 180 s, after which it kills the process.
   */
  private static final long PATIENCE_MILLIS = 120_000;

  /** Something to be freed; failing is logged and keeps nothing else from being freed. */
  interface Resource {
    void free() throws Exception;
  }

  private final Pool pool;
  private final long patienceMillis;

  /**
   * Closing waits as long as a task may.
   *
   * @param resources freed in this order
   */
  RoundWorker(Resource... resources) {
    this(PATIENCE_MILLIS, resources);
  }

  /**
   * @param patienceMillis how long {@link #close} waits: the next attempt loads a model of its own,
   *     and should find the memory free
   * @param resources freed in this order
   */
  RoundWorker(long patienceMillis, Resource... resources) {
    this.patienceMillis = patienceMillis;
    this.pool = new Pool(resources);
  }

  /**
   * Does it after everything that was submitted before.
   *
   * @throws java.util.concurrent.RejectedExecutionException after {@link #close}
   */
  void execute(Runnable work) {
    pool.execute(work);
  }

  /**
   * Interrupts the work under way, drops what waits, and frees the resources: before this returns
   * if the work ends in time, otherwise as soon as it does.
   *
   * @throws InterruptedException if interrupted while waiting; the resources are freed all the same
   */
  @Override
  public void close() throws InterruptedException {
    pool.shutdownNow();
    if (!pool.awaitTermination(patienceMillis, TimeUnit.MILLISECONDS)) {
      LOG.warn(
          "The round in training has not ended within {} ms of its interruption, a micro-batch"
              + " being that long; the model is freed when it does",
          patienceMillis);
    }
  }

  /** One thread, so that the resources are freed on it, or at once if it never began. */
  private static final class Pool extends ThreadPoolExecutor {

    private final Resource[] resources;

    Pool(Resource... resources) {
      super(
          1,
          1,
          /* keepAliveTime= */ 0,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(),
          task -> {
            Thread thread = new Thread(task, "train-round");
            thread.setDaemon(true);
            return thread;
          });
      this.resources = resources;
    }

    @Override
    protected void terminated() {
      for (Resource resource : resources) {
        try {
          resource.free();
        } catch (Exception | LinkageError e) {
          LOG.error("Something that training used could not be freed", e);
        }
      }
    }
  }
}
