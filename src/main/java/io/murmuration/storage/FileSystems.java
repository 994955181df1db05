package io.murmuration.storage;

import org.apache.flink.configuration.ConfigConstants;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.plugin.PluginManager;
import org.apache.flink.core.plugin.PluginUtils;

/**
 * Flink's file systems in a process that is no Flink process: those of a cluster and of {@code
 * flink run} load their plugins themselves, a command and the cluster embedded in it do not.
 */
public final class FileSystems {

  private static boolean loaded;

  private FileSystems() {}

  /**
   * Loads the plugins below {@code FLINK_PLUGINS_DIR}, with the settings of Flink's configuration
   * in {@code FLINK_CONF_DIR} if that is given. Once a process: it replaces the file systems that
   * are open.
   */
  public static synchronized void load() {
    if (loaded) {
      return;
    }
    Configuration settings =
        System.getenv(ConfigConstants.ENV_FLINK_CONF_DIR) == null
            ? new Configuration()
            : GlobalConfiguration.loadConfiguration();
    load(settings, PluginUtils.createPluginManagerFromRootFolder(settings));
  }

  /** The same with these settings and plugins, whatever was loaded before. */
  static synchronized void load(Configuration settings, PluginManager plugins) {
    FileSystem.initialize(settings, plugins);
    loaded = true;
  }
}
