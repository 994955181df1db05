package io.murmuration.serving;

/** What a release becomes so that it can answer; holds memory until it is closed. */
public interface Servable extends AutoCloseable {

  /** Frees what it holds; nobody uses it any more. */
  @Override
  void close();
}
