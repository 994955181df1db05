package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileLedgerTest extends LedgerContract {

  @TempDir Path directory;

  @Override
  LedgerFactory factory() {
    return FileLedger.factory(file());
  }

  @Override
  boolean fencesTheLiving() {
    return false;
  }

  private Path file() {
    return directory.resolve("ledgers").resolve("starlings.jsonl");
  }

  @Test
  void writesOneLineARecordThatStandardToolsCanCheck() throws Exception {
    writeThreeRecords();
    List<String> lines = Files.readAllLines(file());
    assertThat(lines).hasSize(3);
    assertThat(lines.get(0))
        .startsWith(
            "{\"sequence\":0,\"previous\":\""
                + "0".repeat(64)
                + "\",\"type\":\"genesis\",\"format\":1,\"domain\":\"starlings\",\"unit\":\"user\",")
        .matches(".*,\"hash\":\"[0-9a-f]{64}\"}");
    assertThat(Files.readString(file())).endsWith("}\n");
  }

  /** A date of the machine's own would tell how long the round took. */
  @Test
  void isDatedByTheTickOfItsLastCharge_alsoWhenOpenedAgain() throws Exception {
    Genesis genesis = Budgets.genesis();
    Instant first = Instant.ofEpochMilli(genesis.genesisMillis());
    Ledger ledger = ledger();
    ledger.open();
    LedgerState state = append(ledger, LedgerState.empty(), genesis);
    assertThat(Files.getLastModifiedTime(file()).toInstant()).isEqualTo(first);
    state = append(ledger, state, new EpochOpened(1, "a"));
    state = append(ledger, state, new PhaseOpened(1, 1, Budgets.MECHANISM, 2, 5e-7, 9));
    state = append(ledger, state, new Charge(1, 1, 7, 1));
    Instant charged = first.plusMillis(7 * genesis.roundIntervalMillis());
    assertThat(Files.getLastModifiedTime(file()).toInstant()).isEqualTo(charged);
    ledger.close();
    Ledger again = ledger();
    again.open();
    append(again, state, new EpochOpened(2, "b"));
    assertThat(Files.getLastModifiedTime(file()).toInstant()).isEqualTo(charged);
    again.close();
  }

  private static LedgerState append(Ledger ledger, LedgerState before, LedgerRecord record)
      throws LedgerException, InterruptedException {
    LedgerEntry entry = LedgerEntry.after(before, record);
    ledger.append(entry);
    return before.apply(entry);
  }

  @Test
  void cutsOffEveryUnfinishedLastLine() throws Exception {
    writeThreeRecords();
    byte[] whole = Files.readAllBytes(file());
    int lastLine = new String(whole, StandardCharsets.UTF_8).indexOf("{\"sequence\":2");
    // Up to the last two characters of the line the record's end was certainly not written.
    for (int length = lastLine + 1; length < whole.length - 2; length += 7) {
      Files.write(file(), java.util.Arrays.copyOf(whole, length));
      Ledger ledger = ledger();
      assertThat(ledger.open()).as("cut at byte %d", length).hasSize(2);
      ledger.close();
      assertThat(Files.size(file())).isEqualTo(lastLine);
    }
  }

  @Test
  void cutsOffBlocksThatWereNeverWritten() throws Exception {
    writeThreeRecords();
    long size = Files.size(file());
    Files.write(file(), new byte[512], StandardOpenOption.APPEND);
    assertThat(ledger().open()).hasSize(3);
    assertThat(file()).hasSize(size);
  }

  @Test
  void countsALastRecordThatOnlyLacksItsLineEnd() throws Exception {
    writeThreeRecords();
    byte[] whole = Files.readAllBytes(file());
    Files.write(file(), java.util.Arrays.copyOf(whole, whole.length - 1));
    Ledger ledger = ledger();
    List<LedgerEntry> entries = ledger.open();
    assertThat(entries).hasSize(3);
    appendAll(ledger, LedgerState.of(entries, ledger.location()), 3, 1);
    ledger.close();
    assertThat(ledger().open()).hasSize(4);
  }

  @Test
  void refusesADamagedLastRecordInsteadOfForgettingIt() throws Exception {
    writeThreeRecords();
    byte[] bytes = Files.readAllBytes(file());
    bytes[bytes.length - 1] = '#';
    Files.write(file(), bytes);
    assertRefused(2, "does not end with its hash");
  }

  @Test
  void refusesEveryChangedByteNamingFileAndRecord() throws Exception {
    writeThreeRecords();
    byte[] whole = Files.readAllBytes(file());
    for (int i = 0; i < whole.length; i += 5) {
      byte[] damaged = whole.clone();
      damaged[i] ^= 1;
      Files.write(file(), damaged);
      Ledger ledger = ledger();
      assertThatThrownBy(() -> LedgerState.of(ledger.open(), ledger.location()))
          .as("byte %d", i)
          .isInstanceOf(LedgerException.Refused.class)
          .hasMessageContaining(file().toString())
          .hasMessageContaining("record");
      ledger.close();
    }
  }

  @Test
  void refusesRecordsOfUnknownTypeOrWithUnknownFields() throws Exception {
    writeThreeRecords();
    String line = Files.readAllLines(file()).get(2);
    replaceLastLine(line.replace("\"type\":\"epoch\"", "\"type\":\"epok\""));
    assertRefused(2, "type 'epok'");
    replaceLastLine(line.replace("\"epoch\":2", "\"epoch\":2,\"host\":\"h\""));
    assertRefused(2, "fields that do not belong there: [host]");
    replaceLastLine(line.replace("\"epoch\":2", "\"epoch\":2.5"));
    assertRefused(2, "'epoch' must be an integer");
  }

  @Test
  void refusesARemovedRecord() throws Exception {
    writeThreeRecords();
    List<String> lines = Files.readAllLines(file());
    lines.remove(1);
    Files.write(file(), lines);
    Ledger ledger = ledger();
    assertThatThrownBy(() -> LedgerState.of(ledger.open(), ledger.location()))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("sequence number 2 where 1 was due");
  }

  /** Replaces the last line by one with a fitting hash, as somebody might who knows the format. */
  private void replaceLastLine(String line) throws Exception {
    String body = line.substring(0, line.indexOf(",\"hash\"")) + "}";
    byte[] digest =
        java.security.MessageDigest.getInstance("SHA-256")
            .digest(body.getBytes(StandardCharsets.UTF_8));
    List<String> lines = Files.readAllLines(file());
    lines.set(
        2,
        body.substring(0, body.length() - 1)
            + ",\"hash\":\""
            + java.util.HexFormat.of().formatHex(digest)
            + "\"}");
    Files.write(file(), lines);
  }

  private void assertRefused(int record, String why) throws Exception {
    Ledger ledger = ledger();
    assertThatThrownBy(ledger::open)
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining(file().toString())
        .hasMessageContaining("at record " + record + ": ")
        .hasMessageContaining(why);
    ledger.close();
  }

  private void writeThreeRecords() throws IOException, LedgerException, InterruptedException {
    Ledger ledger = new FileLedger(file());
    ledger.open();
    appendAll(ledger, LedgerState.empty(), 1, 2);
    ledger.close();
  }
}
