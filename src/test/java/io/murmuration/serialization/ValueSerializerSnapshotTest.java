package io.murmuration.serialization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.murmuration.privacy.ledger.LedgerPositionSerializer;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Properties;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What savepoints remember of serializers outlives moves of classes and refuses downgrades. */
class ValueSerializerSnapshotTest {

  private static final ClassLoader LOADER = ValueSerializerSnapshotTest.class.getClassLoader();

  static List<String> serializers() {
    return new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.murmuration")
            .stream()
            .filter(c -> c.isAssignableTo(ValueSerializer.class))
            .filter(c -> !c.getModifiers().contains(JavaModifier.ABSTRACT))
            .map(JavaClass::getName)
            .sorted()
            .toList();
  }

  private static Properties resource(String name) throws IOException {
    Properties properties = new Properties();
    try (InputStream in = ValueSerializerSnapshotTest.class.getResourceAsStream(name)) {
      properties.load(in);
    }
    return properties;
  }

  @Test
  void everySerializerHasExactlyOneId() throws IOException {
    assertThat(resource("serializer-ids.properties").values().stream().map(Object::toString))
        .containsExactlyInAnyOrderElementsOf(serializers());
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void aSnapshotGivesItsSerializerBack(String name) throws Exception {
    ValueSerializer<?> serializer =
        (ValueSerializer<?>) Class.forName(name).getConstructor().newInstance();
    DataOutputSerializer out = new DataOutputSerializer(64);
    new ValueSerializerSnapshot<>(serializer).writeSnapshot(out);
    ValueSerializerSnapshot<Object> read = new ValueSerializerSnapshot<>();
    read.readSnapshot(2, new DataInputDeserializer(out.getCopyOfBuffer()), LOADER);
    assertThat(read.restoreSerializer()).hasSameClassAs(serializer);
  }

  @Test
  void everyNameOfVersion1IsStillUnderstood() throws IOException {
    Properties names = resource("serializer-names-1.properties");
    assertThat(names).hasSize(13);
    for (String name : names.stringPropertyNames()) {
      DataOutputSerializer out = new DataOutputSerializer(64);
      out.writeUTF(name);
      ValueSerializerSnapshot<Object> read = new ValueSerializerSnapshot<>();
      read.readSnapshot(1, new DataInputDeserializer(out.getCopyOfBuffer()), LOADER);
      assertThat(read.restoreSerializer().getClass().getSimpleName())
          .isEqualTo(name.substring(name.lastIndexOf('.') + 1));
    }
  }

  @Test
  void valuesOfANewerFormatAreRefusedAtTheRestore() throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(64);
    out.writeUTF("ledger-position");
    out.writeInt(200);
    assertThatThrownBy(() -> read(2, out))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("'ledger-position' are of format version 200")
        .hasMessageContaining("at least as new");
  }

  @Test
  void whatThisReleaseDoesNotKnowIsRefused() throws IOException {
    DataOutputSerializer unknown = new DataOutputSerializer(64);
    unknown.writeUTF("unheard-of");
    unknown.writeInt(1);
    assertThatThrownBy(() -> read(2, unknown))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("'unheard-of'");
    assertThatThrownBy(() -> read(1, unknown))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no release of Murmuration had");
    assertThatThrownBy(() -> read(3, unknown))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("version 3");
  }

  @Test
  void theClassThatSavepointsNameNeverMoves() {
    assertThat(new LedgerPositionSerializer().snapshotConfiguration().getClass().getName())
        .isEqualTo("io.murmuration.serialization.ValueSerializerSnapshot");
  }

  private static void read(int version, DataOutputSerializer out) throws IOException {
    new ValueSerializerSnapshot<>()
        .readSnapshot(version, new DataInputDeserializer(out.getCopyOfBuffer()), LOADER);
  }
}
