package io.murmuration.sql;

import io.murmuration.serving.Answer;
import io.murmuration.serving.ModelFailedError;
import io.murmuration.serving.Responder;
import java.util.Collection;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.PredictFunction;

/**
 * Continues prompts with the newest verified release. Without state: what a prompt is answered with
 * is a matter of when it comes, so that a restore may answer it otherwise, and nothing may be
 * concluded from answers that differ.
 *
 * <p>A prompt that is null is answered by nulls.
 *
 * <p>Public for the code that Flink generates around it, which has a class loader of its own.
 */
public final class ReleasePredictFunction extends PredictFunction {

  private static final long serialVersionUID = 1L;

  private final ServedModelSettings settings;
  private final AnswerColumn[] columns;

  private transient Responder responder;

  ReleasePredictFunction(ServedModelSettings settings, List<AnswerColumn> columns) {
    this.settings = settings;
    this.columns = columns.toArray(AnswerColumn[]::new);
  }

  /** Fails if there is no verified release, so that the job's restarts wait for one. */
  @Override
  public void open(FunctionContext context) throws Exception {
    responder = SharedResponders.acquire(settings);
  }

  @Override
  public Collection<RowData> predict(RowData input) {
    GenericRowData row = new GenericRowData(columns.length);
    if (!input.isNullAt(0)) {
      Answer answer = answer(input.getString(0).toString());
      for (int i = 0; i < columns.length; i++) {
        row.setField(i, columns[i].of(answer));
      }
    }
    return List.of(row);
  }

  private Answer answer(String prompt) {
    try {
      // what was once served is served until something newer is
      return responder.answer(settings.prompt(prompt)).orElseThrow();
    } catch (RuntimeException e) {
      throw new ModelFailedError(e);
    }
  }

  @Override
  public void close() {
    if (responder != null) {
      SharedResponders.release(settings);
      responder = null;
    }
  }

  /** Another release may be served by the next call. */
  @Override
  public boolean isDeterministic() {
    return false;
  }
}
