package io.murmuration.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A context-free grammar of messages: a rule is a list of equally likely alternatives in which
 * {@code <name>} stands for an expansion of another rule. Immutable.
 */
final class Grammar {
  private static final String RESOURCE = "grammar.txt";
  private static final Pattern HEADER = Pattern.compile("\\[([a-z-]+)]");
  private static final Pattern REFERENCE = Pattern.compile("<([a-z-]+)>");

  private final Map<String, List<String>> rules;

  private Grammar(Map<String, List<String>> rules) {
    this.rules = rules;
  }

  /** The grammar of the demo, from the class path. */
  static Grammar ofDemo() {
    try (InputStream resource = Grammar.class.getResourceAsStream(RESOURCE)) {
      if (resource == null) {
        throw new IllegalStateException(RESOURCE + " is missing from the class path");
      }
      return parse(
          new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8))
              .lines()
              .toList());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + RESOURCE, e);
    }
  }

  /**
   * Parses a grammar.
   *
   * @throws IllegalArgumentException naming the line or rule that is wrong: an alternative outside
   *     a rule, a rule that is empty, defined twice, unknown, or that contains itself
   */
  static Grammar parse(List<String> lines) {
    Map<String, List<String>> rules = new LinkedHashMap<>();
    List<String> current = null;
    for (String line : lines) {
      Matcher header = HEADER.matcher(line);
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      if (header.matches()) {
        current = new ArrayList<>();
        if (rules.put(header.group(1), current) != null) {
          throw new IllegalArgumentException("rule %s is defined twice".formatted(line));
        }
      } else if (current == null) {
        throw new IllegalArgumentException("no [rule] before the line '%s'".formatted(line));
      } else {
        current.add(line.strip());
      }
    }
    Grammar grammar = new Grammar(rules);
    for (String rule : rules.keySet()) {
      grammar.check(rule, new LinkedHashSet<>());
    }
    return grammar;
  }

  private void check(String rule, Set<String> path) {
    if (!path.add(rule)) {
      throw new IllegalArgumentException("rule %s contains itself: %s".formatted(rule, path));
    }
    for (String alternative : alternatives(rule)) {
      Matcher reference = REFERENCE.matcher(alternative);
      while (reference.find()) {
        check(reference.group(1), path);
      }
    }
    path.remove(rule);
  }

  /** Names of the rules that start with {@code prefix}, in the order of the grammar. */
  List<String> rules(String prefix) {
    return rules.keySet().stream().filter(rule -> rule.startsWith(prefix)).toList();
  }

  /** The alternatives of a rule, with references as they are written. */
  List<String> alternatives(String rule) {
    List<String> alternatives = rules.get(rule);
    if (alternatives == null || alternatives.isEmpty()) {
      throw new IllegalArgumentException("rule %s has no alternatives".formatted(rule));
    }
    return alternatives;
  }

  /** One random expansion of a rule. */
  String expand(String rule, RandomGenerator random) {
    List<String> alternatives = alternatives(rule);
    String chosen = alternatives.get(random.nextInt(alternatives.size()));
    return REFERENCE
        .matcher(chosen)
        .replaceAll(match -> Matcher.quoteReplacement(expand(match.group(1), random)));
  }
}
