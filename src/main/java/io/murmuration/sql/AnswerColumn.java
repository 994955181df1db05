package io.murmuration.sql;

import io.murmuration.serving.Answer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/** What a model of SQL can put out; its output schema names those that are wanted. */
enum AnswerColumn {
  /** What follows the prompt. */
  ANSWER(LogicalTypeRoot.VARCHAR, "STRING"),
  /** Name of the release that answered. */
  RELEASE(LogicalTypeRoot.VARCHAR, "STRING"),
  /** Its round. */
  ROUND(LogicalTypeRoot.BIGINT, "BIGINT"),
  /** ε of everything released up to it. */
  EPSILON(LogicalTypeRoot.DOUBLE, "DOUBLE"),
  /** δ of that ε. */
  DELTA(LogicalTypeRoot.DOUBLE, "DOUBLE"),
  /** SHA-256 of the release. */
  RELEASE_SHA256(LogicalTypeRoot.VARCHAR, "STRING");

  private final LogicalTypeRoot type;
  private final String typeInWords;

  AnswerColumn(LogicalTypeRoot type, String typeInWords) {
    this.type = type;
    this.typeInWords = typeInWords;
  }

  /** The column's value, in Flink's internal form. */
  Object of(Answer answer) {
    return switch (this) {
      case ANSWER -> StringData.fromString(answer.text());
      case RELEASE -> StringData.fromString(answer.release().name());
      case ROUND -> answer.release().round();
      case EPSILON -> answer.release().manifest().epsilonSpent();
      case DELTA -> answer.release().manifest().delta();
      case RELEASE_SHA256 -> StringData.fromString(answer.release().digest());
    };
  }

  /**
   * The columns of an output schema, in its order.
   *
   * @throws ValidationException if one is unknown, or of another type
   */
  static List<AnswerColumn> of(ResolvedSchema schema) {
    List<AnswerColumn> columns = new ArrayList<>();
    for (Column column : schema.getColumns()) {
      AnswerColumn found =
          Arrays.stream(values())
              .filter(known -> known.column().equals(column.getName()))
              .filter(known -> column.getDataType().getLogicalType().is(known.type))
              .findFirst()
              .orElseThrow(
                  () ->
                      new ValidationException(
                          "a model's output may have %s, given %s"
                              .formatted(
                                  String.join(
                                      ", ",
                                      Arrays.stream(values())
                                          .map(known -> known.column() + " " + known.typeInWords)
                                          .toList()),
                                  column.asSummaryString())));
      columns.add(found);
    }
    return columns;
  }

  private String column() {
    return name().toLowerCase(Locale.ROOT);
  }
}
