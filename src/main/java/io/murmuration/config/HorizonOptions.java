package io.murmuration.config;

import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/** Whose the budget is: the domain's, or each user's, so that training never ends. */
public final class HorizonOptions {

  public static final ConfigOption<Boolean> ENABLED =
      ConfigOptions.key("horizon.enabled")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "Whether the budget is each user's and training never ends: nobody's words influence"
                  + " more than H rounds, the most that the budget affords. Otherwise the budget is"
                  + " the domain's, and training halts when it is spent. Fixed at genesis.");

  public static final ConfigOption<Integer> GENERATIONS =
      ConfigOptions.key("horizon.generations")
          .intType()
          .defaultValue(1)
          .withDescription(
              "How many lifetimes of each user the budget is for, an equal share each. Another one"
                  + " can begin where counts are lost, or mechanism, key or topic change. Reserved at"
                  + " genesis.");

  public static final ConfigOption<Integer> NEW_GENERATION =
      ConfigOptions.key("horizon.new-generation")
          .intType()
          .noDefaultValue()
          .withDescription(
              "The generation that should be open: it is opened if the one before it is, and recorded"
                  + " in the ledger. A deliberate act; without it the one that is open goes on.");

  public static final ConfigOption<String> ID_KEY_FILE =
      ConfigOptions.key("horizon.id-key-file")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "File of at least 32 secret bytes, readable where the job is submitted: users are"
                  + " counted by a keyed hash of their ids, so that no count names anybody. Another"
                  + " key needs another generation.");

  /** What says something only where users have lifetimes. */
  static final List<ConfigOption<?>> OF_LIFETIMES =
      List.of(GENERATIONS, NEW_GENERATION, ID_KEY_FILE);

  private HorizonOptions() {}
}
