package io.murmuration.sql;

import java.util.List;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedCatalogModel;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.ModelProviderFactory;
import org.apache.flink.table.functions.PredictFunction;
import org.apache.flink.table.ml.ModelProvider;
import org.apache.flink.table.ml.PredictRuntimeProvider;
import org.apache.flink.table.types.logical.LogicalTypeFamily;

/**
 * Models of Flink's SQL that are the newest verified release: {@code CREATE MODEL … WITH
 * ('provider' = 'murmuration', …)}. Input is one column, the prompt; output are any of {@link
 * AnswerColumn}.
 */
public final class ReleaseModelProviderFactory implements ModelProviderFactory {

  private static final String IDENTIFIER = "murmuration";

  @Override
  public String factoryIdentifier() {
    return IDENTIFIER;
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return ReleaseModelOptions.REQUIRED;
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return ReleaseModelOptions.OPTIONAL;
  }

  /** Reads what the model says of itself; nothing is opened before a task runs. */
  @Override
  public ModelProvider createModelProvider(Context context) {
    FactoryUtil.ModelProviderFactoryHelper helper =
        FactoryUtil.createModelProviderFactoryHelper(this, context);
    helper.validateExcept(ReleaseModelOptions.LEDGER_PROPERTIES);
    ResolvedCatalogModel model = context.getCatalogModel();
    requirePrompt(model.getResolvedInputSchema().getColumns());
    return new Provider(
        ServedModelSettings.of(helper.getOptions(), model.getOptions()),
        AnswerColumn.of(model.getResolvedOutputSchema()));
  }

  private static void requirePrompt(List<Column> input) {
    if (input.size() != 1
        || !input.get(0).getDataType().getLogicalType().is(LogicalTypeFamily.CHARACTER_STRING)) {
      throw new ValidationException(
          "a model's input must be one column of type STRING, the prompt, given %s"
              .formatted(input.stream().map(Column::asSummaryString).toList()));
    }
  }

  private record Provider(ServedModelSettings settings, List<AnswerColumn> columns)
      implements PredictRuntimeProvider {

    @Override
    public PredictFunction createPredictFunction(Context context) {
      return new ReleasePredictFunction(settings, columns);
    }

    @Override
    public ModelProvider copy() {
      return new Provider(settings, columns);
    }
  }
}
