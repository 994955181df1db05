package io.murmuration.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.cli.PublishedRun;
import io.murmuration.serving.GrowingStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.catalog.CatalogModel;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ObjectIdentifier;
import org.apache.flink.table.catalog.ResolvedCatalogModel;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.PredictFunction;
import org.apache.flink.table.ml.ModelProvider;
import org.apache.flink.table.ml.PredictRuntimeProvider;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The provider as Flink finds and asks it, without a planner. */
class ReleaseModelProviderFactoryTest {

  private static final ResolvedSchema PROMPT =
      ResolvedSchema.of(Column.physical("prompt", DataTypes.STRING()));

  private static final ResolvedSchema ANSWER =
      ResolvedSchema.of(
          Column.physical("round", DataTypes.BIGINT()),
          Column.physical("answer", DataTypes.STRING()),
          Column.physical("epsilon", DataTypes.DOUBLE()),
          Column.physical("delta", DataTypes.DOUBLE()),
          Column.physical("release", DataTypes.STRING()),
          Column.physical("release_sha256", DataTypes.STRING()));

  private static Path base;
  private static PublishedRun run;

  private GrowingStore seen;
  private final Map<String, String> options = new HashMap<>();

  @BeforeAll
  static void publish(@TempDir Path directory) throws Exception {
    run = PublishedRun.ofTinyModel(directory, /* rounds= */ 2);
    base = run.base();
  }

  @BeforeEach
  void options(@TempDir Path directory) throws Exception {
    seen = new GrowingStore(run, directory);
    options.put("provider", "murmuration");
    options.put("releases", seen.releases().toString());
    options.put("ledger.file", seen.ledger().toString());
    options.put("model", base.toString());
    options.put("max-new-tokens", "4");
    options.put("poll-interval", "10 ms");
  }

  private record Runtime(ResolvedCatalogModel model) implements ModelProvider.Context {
    @Override
    public ResolvedCatalogModel getCatalogModel() {
      return model;
    }

    @Override
    public ReadableConfig runtimeConfig() {
      return new Configuration();
    }
  }

  private PredictFunction function(ResolvedSchema input, ResolvedSchema output) throws Exception {
    ResolvedCatalogModel model =
        ResolvedCatalogModel.of(
            CatalogModel.of(
                Schema.newBuilder().fromResolvedSchema(input).build(),
                Schema.newBuilder().fromResolvedSchema(output).build(),
                options,
                null),
            input,
            output);
    ModelProvider provider =
        FactoryUtil.createModelProvider(
            null,
            ObjectIdentifier.of("catalog", "database", "birds"),
            model,
            new Configuration(),
            getClass().getClassLoader(),
            /* isTemporary= */ false);
    PredictFunction made =
        ((PredictRuntimeProvider) provider.copy()).createPredictFunction(new Runtime(model));
    // as it travels to a task
    return InstantiationUtil.clone(made);
  }

  private static RowData ask(PredictFunction function, String prompt) {
    return function
        .predict(GenericRowData.of(prompt == null ? null : StringData.fromString(prompt)))
        .iterator()
        .next();
  }

  @Test
  void answersWithTheColumnsThatAreAskedFor_andTakesUpNewerReleases() throws Exception {
    seen.show(1);
    PredictFunction function = function(PROMPT, ANSWER);
    PredictFunction other = function(PROMPT, ANSWER);
    assertThat(function.isDeterministic()).isFalse();
    function.open(new FunctionContext(null));
    other.open(new FunctionContext(null));
    try {
      RowData row = ask(function, "ab");
      assertThat(row.getLong(0)).isEqualTo(1);
      assertThat(row.getString(1).toString()).isNotEmpty();
      assertThat(row.getDouble(2)).isPositive();
      assertThat(row.getDouble(3)).isEqualTo(5e-7);
      assertThat(row.getString(4)).hasToString("round-00000001");
      assertThat(row.getString(5).toString()).hasSize(64);
      RowData nothing = ask(function, null);
      assertThat(nothing.getArity()).isEqualTo(6);
      assertThat(nothing.isNullAt(0)).isTrue();

      // one responder for both: the first to end leaves it to the other
      function.close();
      seen.show(2);
      await().atMost(Duration.ofMinutes(1)).until(() -> ask(other, "ab").getLong(0) == 2);
    } finally {
      other.close();
    }
  }

  @Test
  void withoutASoundReleaseATaskDoesNotBegin() throws Exception {
    seen.show(1).tamper(1, "adapter_model.safetensors");
    PredictFunction function = function(PROMPT, ANSWER);

    assertThatThrownBy(() -> function.open(new FunctionContext(null)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("no release is sound; the newest is round-00000001: SHA-256 of");
    function.close();

    seen.show(2);
    function.open(new FunctionContext(null));
    assertThat(ask(function, "a").getLong(0)).isEqualTo(2);
    function.close();
  }

  @Test
  void aFailureDoesNotShowThePrompt() throws Exception {
    PredictFunction function = function(PROMPT, ANSWER);

    // never opened, so it fails
    assertThatThrownBy(() -> function.eval(StringData.fromString("secret")))
        .hasMessageStartingWith("The model failed on a prompt: ")
        .hasNoCause();
  }

  @Test
  void whatCannotBeFollowedIsRefusedBeforeAnythingRuns() {
    options.remove("releases");
    assertRefused("Missing required options are:", "releases");
    options.put("releases", "releases");
    options.put("ledger.topic", "ledger");
    assertRefused("either ledger.file, or ledger.bootstrap-servers and ledger.topic");
    options.remove("ledger.file");
    assertRefused("either ledger.file, or ledger.bootstrap-servers and ledger.topic");
    options.put("ledger.bootstrap-servers", "localhost:1");
    options.put("ledger.properties.client.id", "reader");
    options.put("max-new-tokens", "0");
    assertRefused("max tokens must be at least 1, given 0");
    options.put("max-new-tokens", "1");
    options.put("temperature", "NaN");
    assertRefused("temperature must be finite");
    options.put("temperature", "0");
    options.put("poll-interval", "0 s");
    assertRefused("poll-interval must be longer than nothing");
    options.put("poll-interval", "1 s");
    options.put("top-p", "1");
    assertRefused("Unsupported options", "top-p");
  }

  @Test
  void otherColumnsAreRefused() {
    assertRefused(
        "a model's input must be one column of type STRING",
        ResolvedSchema.of(
            Column.physical("prompt", DataTypes.STRING()),
            Column.physical("user", DataTypes.STRING())),
        ANSWER);
    assertRefused(
        "a model's input must be one column of type STRING",
        ResolvedSchema.of(Column.physical("prompt", DataTypes.INT())),
        ANSWER);
    for (Column column :
        List.of(
            Column.physical("reply", DataTypes.STRING()),
            Column.physical("answer", DataTypes.INT()),
            Column.physical("round", DataTypes.INT()))) {
      assertRefused(
          "a model's output may have answer STRING, release STRING, round BIGINT, epsilon DOUBLE,"
              + " delta DOUBLE, release_sha256 STRING, given",
          PROMPT,
          ResolvedSchema.of(column));
    }
  }

  private void assertRefused(String... said) {
    for (String part : said) {
      assertRefused(part, PROMPT, ANSWER);
    }
  }

  private void assertRefused(String said, ResolvedSchema input, ResolvedSchema output) {
    assertThatThrownBy(() -> function(input, output)).hasStackTraceContaining(said);
  }
}
