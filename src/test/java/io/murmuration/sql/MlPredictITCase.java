package io.murmuration.sql;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.cli.PublishedRun;
import io.murmuration.serving.GrowingStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The provider through Flink's planner and a mini cluster. */
@Timeout(900)
class MlPredictITCase {

  @Test
  void sqlIsAnsweredByTheNewestSoundRelease(@TempDir Path directory) throws Exception {
    PublishedRun run = PublishedRun.ofTinyModel(directory, /* rounds= */ 3);
    GrowingStore seen =
        new GrowingStore(run, directory.resolve("seen"))
            .show(1)
            .show(2)
            .show(3)
            .tamper(3, "adapter_model.safetensors");
    TableEnvironment sql = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
    sql.getConfig().set("parallelism.default", "1");
    sql.executeSql(
        """
        CREATE TEMPORARY MODEL birds
        INPUT (prompt STRING)
        OUTPUT (answer STRING, round BIGINT, epsilon DOUBLE)
        WITH ('provider' = 'murmuration', 'releases' = '%s', 'ledger.file' = '%s', 'model' = '%s',
          'max-new-tokens' = '4')
        """
            .formatted(seen.releases(), seen.ledger(), run.base()));
    sql.executeSql(
        "CREATE TEMPORARY VIEW prompts AS SELECT * FROM (VALUES (1, 'ab'), (2, 'hello')) AS t(id,"
            + " prompt)");

    List<Row> rows = new ArrayList<>();
    try (CloseableIterator<Row> result =
        sql.executeSql(
                "SELECT id, answer, round, epsilon FROM ML_PREDICT(TABLE prompts, MODEL birds,"
                    + " DESCRIPTOR(prompt))")
            .collect()) {
      result.forEachRemaining(rows::add);
    }

    assertThat(rows).extracting(row -> row.getField("id")).containsExactlyInAnyOrder(1, 2);
    assertThat(rows).extracting(row -> row.getField("round")).containsOnly(2L);
    assertThat(rows)
        .allSatisfy(
            row -> {
              assertThat((String) row.getField("answer")).isNotEmpty();
              assertThat((Double) row.getField("epsilon")).isPositive();
            });
  }
}
